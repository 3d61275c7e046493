"""LINE's own schema (line-openapi) as a JSON Schema, and the limits that it leaves to the prose of the reference."""

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft7Validator

DATA = Path(__file__).resolve().parents[2] / "data" / "channels" / "line"


def schema_errors(value: object, name: str) -> list[str]:
    """What LINE's schema `name` has against `value`."""
    return [f"{error.json_path}: {error.message}"[:300] for error in _validator(name).iter_errors(value)]


def limit_errors(messages: list[dict[str, Any]]) -> list[str]:
    """What the reference's limits have against `messages`: line-bot-sdk-nodejs lib/types.ts, "Text character count", "Flex Message"."""
    errors = [] if 1 <= len(messages) <= 5 else [f"{len(messages)} messages"]
    for message in messages:
        if message["type"] == "text" and not 1 <= _units(message["text"]) <= 5000:
            errors.append(f"text of {_units(message['text'])} units")
        if message["type"] == "flex":
            contents = message["contents"]
            room = 50_000 if contents["type"] == "carousel" else 30_000
            size = len(json.dumps(contents, ensure_ascii=False).encode())
            errors += [f"flex of {size} bytes"] if size > room else []
            errors += [f"altText {message['altText']!r}"] if not 1 <= _units(message["altText"]) <= 400 else []
            if contents["type"] == "carousel" and not 1 <= len(contents["contents"]) <= 12:
                errors.append(f"{len(contents['contents'])} bubbles")
        items = message.get("quickReply", {"items": [1]})["items"]
        errors += [] if 1 <= len(items) <= 13 else [f"{len(items)} quick replies"]
    for part in parts(messages):
        if part.get("type") == "text" and not part["text"].strip():
            errors.append("empty text")
        if part.get("type") in ("postback", "uri"):
            errors += [f"label {part['label']!r}"] if not 1 <= _units(part["label"]) <= 20 else []
            errors += [f"displayText {part}"] if _units(part.get("displayText", "")) > 300 else []
            uri = part.get("uri", "https://")
            errors += [f"uri {uri!r}"] if len(uri) > 1000 or not uri.startswith(("https://", "http://")) else []
    return errors


def parts(value: object) -> list[dict[str, Any]]:
    """All objects inside `value`, itself among them."""
    if isinstance(value, list):
        return [part for item in value for part in parts(item)]
    if isinstance(value, dict):
        return [value, *(part for item in value.values() for part in parts(item))]
    return []


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


@lru_cache
def _validator(name: str) -> Draft7Validator:
    return Draft7Validator({"$ref": f"#/components/schemas/{name}", "components": {"schemas": _schemas()}})


@lru_cache
def _schemas() -> dict[str, Any]:
    """OpenAPI's as JSON Schemas: a discriminator as if/then, a kind with the fields that it inherits, and no field that is not known."""
    text = (DATA / "line_openapi_messaging-api.yml").read_text(encoding="utf-8")
    given = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))["components"]["schemas"]
    return {
        name: _choice(schema) if "discriminator" in schema else _closed(schema, given) for name, schema in given.items()
    }


def _choice(schema: dict[str, Any]) -> dict[str, Any]:
    field, kinds = schema["discriminator"]["propertyName"], schema["discriminator"]["mapping"]
    whens = [{"if": {"properties": {field: {"const": kind}}}, "then": {"$ref": ref}} for kind, ref in kinds.items()]
    return {"type": "object", "required": [field], "properties": {field: {"enum": list(kinds)}}, "allOf": whens}


def _closed(schema: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """`schema` with the fields of everything in its allOf."""
    if schema.get("type") != "object":
        return schema
    parts = [schema] + [given[p["$ref"].rpartition("/")[2]] if "$ref" in p else p for p in schema.get("allOf", [])]
    properties = {name: field for part in parts for name, field in part.get("properties", {}).items()}
    required = sorted({name for part in parts for name in part.get("required", [])})
    return {"type": "object", "required": required, "properties": properties, "additionalProperties": False}
