from collections.abc import Iterator
from typing import Any, final

@final
class Selection:
    def __new__(
        cls,
        types: list[str],
        since: float | None,
        until: float | None,
        inclusive: bool,
        id: str | None,
        filter: str | None,
    ) -> Selection: ...

@final
class Sources:
    def __new__(cls, paths: list[str], selection: Selection, slack: float) -> Sources: ...
    @property
    def remarks(self) -> list[str]: ...
    def __len__(self) -> int: ...

@final
class Arrow:
    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...

@final
class Rows(Iterator[dict[str, Any]]):
    def __next__(self) -> dict[str, Any]: ...
    def take_remarks(self) -> list[str]: ...

@final
class Events:
    def __new__(cls, sources: Sources, fields: list[str] | None) -> Events: ...
    def rows(self) -> Rows: ...
    def collect(self) -> tuple[Arrow, list[str]]: ...
    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...

@final
class Answer:
    @property
    def remarks(self) -> list[str]: ...
    @property
    def events(self) -> int: ...
    @property
    def columns(self) -> list[str]: ...
    def rows(self) -> list[dict[str, Any]]: ...
    def arrow(self) -> Arrow: ...

def stats(
    sources: Sources,
    by: list[str],
    measures: str,
    every: float | None,
    top: int | None,
    seconds: float | None,
) -> Answer: ...
