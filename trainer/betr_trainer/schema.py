"""Checks job.json against job.schema.json, which is made for both sides, and fills in its defaults."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema

from .errors import TrainerError

_schema_path = Path(__file__).with_name("job.schema.json")


def check_job(data: dict[str, Any], path: Path) -> dict[str, Any]:
    """The content of a job.json with defaults filled in. Errors: JOB_INVALID, naming the fields at fault."""
    schema = json.loads(_schema_path.read_text(encoding="utf-8"))
    kinds = {_resolve(each, schema)["properties"]["kind"]["const"]: each for each in schema["oneOf"]}
    kind = data.get("kind")
    if not isinstance(kind, str) or kind not in kinds:
        raise TrainerError("JOB_INVALID", f"{path}: kind is {json.dumps(kind)}; kinds are {', '.join(kinds)}.")
    # Only the branch of its kind, so that the reasons are about it.
    branch = {**kinds[kind], "$defs": schema.get("$defs", {})}
    filled = _fill(data, branch, schema)
    errors = jsonschema.Draft202012Validator(branch).iter_errors(filled)
    told = [f"{'.'.join(map(str, error.path)) or 'job'}: {_reason(error)}" for error in errors]
    if told:
        raise TrainerError("JOB_INVALID", f"{path} is not a valid job: {'; '.join(sorted(told)[:5])}.")
    return filled


def _reason(error: jsonschema.ValidationError) -> str:
    """The reason of the alternative that fits best, on one line."""
    best = jsonschema.exceptions.best_match([error]) or error
    return best.message.replace("\n", " ")[:300]


def _resolve(schema: Any, root: dict[str, Any]) -> Any:
    while isinstance(schema, dict) and "$ref" in schema:
        found: Any = root
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        schema = found
    return schema


def _fill(value: Any, schema: Any, root: dict[str, Any]) -> Any:
    """A value with the defaults of its schema filled in, of the first alternative that it then fits."""
    schema = _resolve(schema, root)
    for choice in schema.get("anyOf", []):
        filled = _fill(value, choice, root)
        if jsonschema.Draft202012Validator({**_resolve(choice, root), "$defs": root.get("$defs", {})}).is_valid(filled):
            return filled
    if isinstance(value, dict) and "properties" in schema:
        filled = dict(value)
        for name, each in schema["properties"].items():
            if name not in filled and "default" in _resolve(each, root):
                filled[name] = _resolve(each, root)["default"]
            if name in filled:
                filled[name] = _fill(filled[name], each, root)
        return filled
    if isinstance(value, list) and isinstance(schema.get("items"), dict):
        return [_fill(item, schema["items"], root) for item in value]
    return value
