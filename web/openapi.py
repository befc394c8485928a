"""The API's description, OpenAPI 3.1, written down from the same rows that serve it."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import msgspec

from web.endpoint import Endpoint, Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

REF = "#/components/schemas/{name}"
BEARER = "source"
_PLACE = re.compile(r"\{(\w+)\}")


def describe(endpoints: Iterable[Endpoint], *, version: str) -> dict[str, Any]:
    """The OpenAPI 3.1 document of some endpoints.

    Args:
        endpoints: Rows of the API.
        version: PyROS's version.
    """
    rows = list(endpoints)
    types: list[Any] = [Problem]
    for row in rows:
        types += [kind for kind in (row.answer, row.body, row.parameters) if kind is not None]
    schemas, components = msgspec.json.schema_components(types, ref_template=REF)
    schema_of = {_key(kind): schema for kind, schema in zip(types, schemas, strict=True)}
    paths: dict[str, dict[str, Any]] = {}
    for row in rows:
        paths.setdefault(row.path, {})[row.method.lower()] = _operation(row, schema_of, components)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "PyROS",
            "version": version,
            "summary": "Read and steer a robotic observatory.",
            "license": {"name": "BSD-3-Clause", "identifier": "BSD-3-Clause"},
        },
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                BEARER: {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "Token of an alert source; where none is configured, programs "
                    "on the observatory's machine post without one.",
                }
            },
        },
    }


def _key(kind: Any) -> str:
    return repr(kind)


def _operation(
    row: Endpoint, schema_of: Mapping[str, Any], components: Mapping[str, Any]
) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": row.operation_id,
        "summary": row.summary,
        "parameters": [*_path_parameters(row), *_query_parameters(row, components)],
        "responses": _responses(row, schema_of),
    }
    if row.body is not None:
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": schema_of[_key(row.body)]}},
        }
    if row.by_token:
        operation["security"] = [{}, {BEARER: []}]
    if row.raw_body:
        operation["requestBody"] = {
            "required": True,
            "content": {media: {} for media in row.raw_body},
        }
    return operation


def _path_parameters(row: Endpoint) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": dict(row.path_parameters.get(name, {"type": "string"})),
        }
        for name in _PLACE.findall(row.path)
    ]


def _query_parameters(row: Endpoint, components: Mapping[str, Any]) -> list[dict[str, Any]]:
    schema = components[row.parameters.__name__]
    return [
        {
            "name": name,
            "in": "query",
            "required": name in schema.get("required", ()),
            "schema": {k: v for k, v in item.items() if k != "description"},
            **({"description": item["description"]} if "description" in item else {}),
        }
        for name, item in schema.get("properties", {}).items()
    ]


def _responses(row: Endpoint, schema_of: Mapping[str, Any]) -> dict[str, Any]:
    content: dict[str, Any] = {row.answer_media: {}}
    if row.answer is not None:
        content = {"application/json": {"schema": schema_of[_key(row.answer)]}}
    responses: dict[str, Any] = {
        str(int(row.status)): {"description": row.status.phrase, "content": content}
    }
    problem = {"application/problem+json": {"schema": schema_of[_key(Problem)]}}
    for status in sorted({HTTPStatus.BAD_REQUEST, *row.errors}):
        responses[str(int(status))] = {"description": status.phrase, "content": problem}
    return responses
