"""Documents that follow a JSON Schema, as far as our own schemas go."""

from typing import Any


def example(schema: dict[str, Any], root: dict[str, Any] | None = None) -> Any:
    """The smallest document that shows every property of `schema`; lists have one item."""
    root = root if root is not None else schema
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        return example(root["$defs"][name], root)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    for key in ("anyOf", "oneOf", "allOf"):
        if key in schema:
            return example(schema[key][0], root)
    kind = schema.get("type")
    if kind == "object":
        return {name: example(each, root) for name, each in schema.get("properties", {}).items()}
    if kind == "array":
        return [example(schema["items"], root)] if "items" in schema else []
    return {"string": "text", "integer": 1, "number": 1.5, "boolean": True, "null": None}[kind]
