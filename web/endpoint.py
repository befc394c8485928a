"""One REST endpoint: what it takes, what it answers, and the handler, in one typed row.

The row is all there is: requests are validated by it (msgspec), and `web.openapi` writes the same
row down as OpenAPI 3.1. Errors are problem details (RFC 9457), one line for people in `detail`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

import msgspec
from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from web.services import WebServices


class NoParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An endpoint without query parameters."""


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """Why a request was not done (RFC 9457)."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str


class ProblemError(Exception):
    """A handler refuses: the status and one line that says why and what to do.

    Args:
        status: HTTP status, 4xx or 5xx.
        detail: For people.
        headers: Further headers of the answer.
    """

    def __init__(
        self, status: HTTPStatus, detail: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = headers


P = TypeVar("P")
B = TypeVar("B")


@dataclass(frozen=True, slots=True)
class Call(Generic[P, B]):
    """A validated request.

    Attributes:
        request: As aiohttp has it.
        services: What the server works with.
        parameters: Query parameters.
        body: The JSON body, or the raw bytes of an endpoint with `raw_body`.
        poster: Source whose token the request has, of an endpoint with `by_token`.
    """

    request: web.Request
    services: WebServices
    parameters: P
    body: B
    poster: str = ""


Handler = "Callable[[Call[Any, Any]], Awaitable[object]]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One row of the API.

    Attributes:
        method: HTTP method.
        path: Route, aiohttp's syntax (which is OpenAPI's too).
        operation_id: Stable name.
        summary: One sentence.
        handler: Gets a `Call`, answers a Struct, plain data, or a finished response.
        answer: Type of the JSON answer; None for other media.
        answer_media: Media type when `answer` is None.
        status: Status of success.
        parameters: Struct of the query parameters.
        body: Struct of the JSON body, None when there is none.
        raw_body: Media types taken as raw bytes instead.
        path_parameters: JSON schema of each place in `path`.
        errors: Statuses an honest client may meet beside 400.
        by_token: Whether a bearer token says who asks, where tokens are configured.
    """

    method: Literal["GET", "POST"]
    path: str
    operation_id: str
    summary: str
    handler: Callable[[Call[Any, Any]], Awaitable[object]]
    answer: Any = None
    answer_media: str = "application/json"
    status: HTTPStatus = HTTPStatus.OK
    parameters: type[msgspec.Struct] = NoParameters
    body: type[msgspec.Struct] | None = None
    raw_body: tuple[str, ...] = ()
    path_parameters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    errors: tuple[HTTPStatus, ...] = ()
    by_token: bool = False


def query_of(request: web.Request, kind: type[P]) -> P:
    """The query parameters as a struct.

    Raises:
        ProblemError: When one is unknown, given twice, or does not fit.
    """
    given = request.query
    twice = sorted({name for name in given if len(given.getall(name)) > 1})
    if twice:
        raise ProblemError(HTTPStatus.BAD_REQUEST, f"parameter {twice[0]} is given twice")
    try:
        return msgspec.convert(dict(given), type=kind, strict=False)
    except msgspec.ValidationError as error:
        raise ProblemError(HTTPStatus.BAD_REQUEST, f"query: {error}") from error


async def json_body_of(request: web.Request, kind: type[B]) -> B:
    """The JSON body as a struct.

    Raises:
        ProblemError: When it is no JSON, not said to be JSON, or does not fit.
    """
    if request.content_type != "application/json":
        raise ProblemError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            f"content type {request.content_type} is not taken; send application/json",
        )
    try:
        return msgspec.json.decode(await request.read(), type=kind)
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError) as error:
        raise ProblemError(HTTPStatus.BAD_REQUEST, f"body: {error}") from error


async def raw_body_of(request: web.Request, media: tuple[str, ...]) -> bytes:
    """The body as bytes.

    Raises:
        ProblemError: When its media type is not taken, or it is empty.
    """
    if request.content_type not in media:
        raise ProblemError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            f"content type {request.content_type} is not taken; send one of {', '.join(media)}",
        )
    raw = await request.read()
    if not raw.strip():
        raise ProblemError(
            HTTPStatus.UNPROCESSABLE_ENTITY, "the body is empty; send the packet as it is"
        )
    return raw


def problem_response(
    status: int, detail: str, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Problem details as a response."""
    title = HTTPStatus(status).phrase
    problem = Problem(title=title, status=status, detail=detail)
    return web.Response(
        body=msgspec.json.encode(problem),
        status=status,
        content_type="application/problem+json",
        headers=headers,
    )


def json_response(value: object, *, status: int = HTTPStatus.OK) -> web.Response:
    """A value as a JSON response that no cache keeps."""
    return web.Response(
        body=msgspec.json.encode(value),
        status=status,
        content_type="application/json",
        headers={"Cache-Control": "no-store"},
    )
