"""What answers become: Arrow, pandas, Polars."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ._store import Arrow

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow


class StoreWarning(UserWarning):
    """Something is missing in an answer, or may be in it twice: damaged bytes, a store that does not say what it holds."""


def warn(remarks: Iterable[str]) -> None:
    for remark in remarks:
        warnings.warn(remark, StoreWarning, stacklevel=4)


def needed(name: str, extra: str) -> Any:
    """A package that only some need."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise ImportError(f"this needs {name}: pip install 'blueox-store[{extra}]'", name=name) from error


class Tabular:
    """Something that can be taken as columns."""

    def _arrow(self) -> Arrow:
        raise NotImplementedError

    def to_arrow(self) -> pyarrow.Table:
        """All of it as a `pyarrow.Table`."""
        return needed("pyarrow", "arrow").table(self._arrow())

    def to_pandas(self) -> pandas.DataFrame:
        """All of it as a `pandas.DataFrame`."""
        needed("pandas", "pandas")
        return needed("pyarrow", "pandas").table(self._arrow()).to_pandas()

    def to_polars(self) -> polars.DataFrame:
        """All of it as a `polars.DataFrame`."""
        frame: polars.DataFrame = needed("polars", "polars").DataFrame(self._arrow())
        return frame
