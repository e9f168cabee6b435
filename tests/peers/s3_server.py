"""Where the S3 server of the tests is, if it is there."""

from __future__ import annotations

import os
import pathlib

VENVS = pathlib.Path(os.environ.get("BLUEOX_VENVS", pathlib.Path(__file__).resolve().parents[2] / ".venvs"))
SERVER = VENVS.absolute() / "s3" / "bin" / "s3s-fs"
