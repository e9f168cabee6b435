"""Whether an answer is as docs/api/openapi.json says."""

from __future__ import annotations

import json
import pathlib
from typing import Any

DOCUMENT: dict[str, Any] = json.loads(
    (pathlib.Path(__file__).resolve().parents[2] / "docs" / "api" / "openapi.json").read_text()
)
KINDS: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "number": (int, float),
    "integer": (int,),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
    "null": (type(None),),
}


def answer_schema(path: str) -> dict[str, Any]:
    """What `GET path` answers, `path` as the document has it."""
    answers: dict[str, Any] = DOCUMENT["paths"][path]["get"]["responses"]
    found: dict[str, Any] = answers["200"]["content"]["application/json"]["schema"]
    return found


def check(value: Any, schema: dict[str, Any], place: str = "answer") -> None:
    """Fails with the first place that is not as it should be. Only what the document uses is known here."""
    assert not schema.keys() - KNOWN, f"{place}: this check knows nothing of {schema.keys() - KNOWN}"
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        check(value, DOCUMENT["components"]["schemas"][name], f"{place}({name})")
    if "anyOf" in schema:
        assert any(fits(value, one) for one in schema["anyOf"]), f"{place}: {value!r} is none of {schema['anyOf']}"
    if "type" in schema:
        names = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        kinds = tuple(kind for name in names for kind in KINDS[name])
        is_bool = isinstance(value, bool) and bool not in kinds
        fit = isinstance(value, kinds) and not is_bool
        assert fit, f"{place}: {value!r} is no {names}"
    if "enum" in schema:
        assert value in schema["enum"], f"{place}: {value!r} is none of {schema['enum']}"
    if "minimum" in schema and isinstance(value, (int, float)):
        assert value >= schema["minimum"], f"{place}: {value!r}"
    if isinstance(value, dict):
        check_object(value, schema, place)
    if isinstance(value, list) and "items" in schema:
        for at, item in enumerate(value):
            check(item, schema["items"], f"{place}[{at}]")


KNOWN = {
    *("$ref", "anyOf", "type", "enum", "minimum", "items", "properties", "required", "additionalProperties"),
    *("description", "minItems", "maxItems"),
}


def check_object(value: dict[str, Any], schema: dict[str, Any], place: str) -> None:
    properties = schema.get("properties", {})
    missing = set(schema.get("required", [])) - value.keys()
    assert not missing, f"{place}: {missing} missing"
    more = schema.get("additionalProperties", True)
    for name, item in value.items():
        if name in properties:
            check(item, properties[name], f"{place}.{name}")
        elif isinstance(more, dict):
            check(item, more, f"{place}.{name}")
        else:
            assert more, f"{place}: {name} is not in the document"


def fits(value: Any, schema: dict[str, Any]) -> bool:
    try:
        check(value, schema)
    except AssertionError:
        return False
    return True
