"""The OpenAPI document, made from the operations that answer."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from edge.web.api.operation import JSON, PARTS, Operation, Refusal

REF = "#/components/schemas/{name}"
ALWAYS = {
    400: "What was sent is wrong",
    401: "Neither a session nor a token that is known",
    403: "Not with these rights, or from another site",
}
REFUSALS = {
    404: "There is none",
    409: "It cannot be done now",
    413: "Too large",
    415: "Another type than the one that is understood",
    422: "Fields are wrong",
    429: "Too often",
    503: "Not now: ask again",
    504: "Not yet: ask again",
}


def document(operations: Sequence[Operation], version: str) -> dict[str, Any]:
    """OpenAPI 3.1, whose schemas are JSON Schema as msgspec writes it."""
    types = [each for operation in operations for each in (operation.answer, _json_body(operation)) if each is not None]
    unique = list(dict.fromkeys([*types, Refusal]))
    made, components = msgspec.json.schema_components(unique, ref_template=REF)
    schemas = dict(zip(unique, made, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "The appliance", "version": version},
        "paths": paths,
        "security": [{"token": []}, {"session": []}],
        "components": {
            "schemas": components,
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "session": {"type": "apiKey", "in": "cookie", "name": "edge_session"},
            },
        },
    }


def _json_body(operation: Operation) -> Any:
    return operation.body if operation.body_media == JSON else None


def _operation(operation: Operation, schemas: dict[Any, dict[str, Any]]) -> dict[str, Any]:
    described: dict[str, Any] = {
        "summary": operation.summary,
        "operationId": f"{operation.method.lower()} {operation.path}",
        "x-permission": operation.may,
        "parameters": [*map(_part, operation.parts), *_query(operation.query)],
        "responses": _responses(operation, schemas),
    }
    if operation.body is not None:
        schema = schemas.get(_json_body(operation), {"type": "string", "contentMediaType": operation.body_media})
        described["requestBody"] = {
            "required": operation.needs_body,
            "content": {operation.body_media: {"schema": schema}},
        }
    return described


def _part(name: str) -> dict[str, Any]:
    schema = {"type": "string", "pattern": f"^{PARTS[name]}$"}
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _query(query: type[msgspec.Struct]) -> Iterable[dict[str, Any]]:
    schema = msgspec.json.schema(query)["$defs"][query.__name__]
    for name, field in schema["properties"].items():
        yield {"name": name, "in": "query", "required": name in schema.get("required", ()), "schema": field}


def _responses(operation: Operation, schemas: dict[Any, dict[str, Any]]) -> dict[str, Any]:
    content = {"schema": schemas[operation.answer]} if operation.answer is not None else {}
    responses: dict[str, Any] = {
        str(operation.status): {"description": operation.summary, "content": {operation.media: content}}
    }
    if operation.media.startswith(("image/", "video/")):
        responses |= {"206": {"description": "A part of it", "content": {operation.media: {}}}}
    statuses = {*operation.refusals, *((404,) if operation.parts else ()), *((413, 415) if operation.body else ())}
    known = ALWAYS | {status: REFUSALS[status] for status in statuses}
    refused = {JSON: {"schema": schemas[Refusal]}}
    return responses | {
        str(status): {"description": text, "content": refused} for status, text in sorted(known.items())
    }
