"""What is answered at which address."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from fastapi import FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from autotl import __version__
from autotl.data.decode import decode_bytes
from autotl.errors import DataError
from autotl.serve.batching import Batcher, Row
from autotl.serve.limits import Gate, Limits, Refusal
from autotl.serve.uploads import FORM, Upload, received

_PAGE = {"/": "index.html", "/style.css": "style.css", "/script.js": "script.js"}
_KINDS = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
_GUARDS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src blob: data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}
_FILES = {"type": "array", "items": {"type": "string", "format": "binary"}, "minItems": 1}
_FORM = {"type": "object", "required": ["files"], "properties": {"files": _FILES}}
_BODY = {"requestBody": {"required": True, "content": {FORM: {"schema": _FORM}}}}
_GONE = 499  # the client went away; nobody reads this


@dataclass(frozen=True, slots=True)
class About:
    """The model that is served: what it tells apart, (height, width) in pixels, and what one request may bring."""

    name: str
    classes: tuple[str, ...]
    image_size: tuple[int, int]
    max_upload: int
    max_files: int


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model sees in one picture, from the most probable class down; `problem` says why when it cannot."""

    name: str
    label: str | None = None
    confidence: float | None = None
    probabilities: dict[str, float] = field(default_factory=dict)
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Answers:
    """One answer for each picture, in the order they were sent."""

    predictions: list[Answer]


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a request has no answer."""

    error: str


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Not one of the pictures can be read; each answer says why."""

    error: str
    predictions: list[Answer]


class Answering:
    """Decodes pictures in a few threads and hands them to the batcher, no more at a time than a few batches."""

    def __init__(self, batcher: Batcher, about: About) -> None:
        self._batcher = batcher
        self._about = about
        self._decoding = ThreadPoolExecutor(max(2, os.cpu_count() or 1), thread_name_prefix="decode")
        self._room = asyncio.Semaphore(4 * batcher.largest)

    async def all(self, uploads: Sequence[Upload], top: int | None) -> list[Answer]:
        """Return an answer for each picture."""
        return list(await asyncio.gather(*(self._one(upload, top) for upload in uploads)))

    async def _one(self, upload: Upload, top: int | None) -> Answer:
        loop = asyncio.get_running_loop()
        async with self._room:
            try:
                pixels = await loop.run_in_executor(
                    self._decoding, decode_bytes, upload.content, self._about.image_size
                )
            except DataError as error:
                return Answer(upload.name, problem=str(error))
            row = await asyncio.wrap_future(self._batcher.submit(pixels))
        return self._said(upload.name, row, top)

    def _said(self, name: str, row: Row, top: int | None) -> Answer:
        order = [int(place) for place in np.argsort(-row, kind="stable")]
        probabilities = {self._about.classes[place]: float(row[place]) for place in order[:top]}
        return Answer(name, self._about.classes[order[0]], float(row[order[0]]), probabilities)


def make_app(about: About, batcher: Batcher, limits: Limits) -> FastAPI:
    """Return the application that answers for a model."""
    app = FastAPI(
        title=f"{about.name}, served by autotl",
        version=__version__,
        docs_url=None,  # its scripts come from a CDN
        redoc_url=None,
    )
    gate = Gate(limits.queue)
    answering = Answering(batcher, about)

    @app.post(
        "/predict",
        openapi_extra=_BODY,
        response_model=Answers,
        responses={
            **{status: {"model": Trouble, "description": HTTPStatus(status).phrase} for status in (400, 408, 413, 415)},
            422: {"model": Unreadable, "description": "No picture, or none that can be read"},
            503: {"model": Trouble, "description": "Too many requests at a time; Retry-After says when to come again"},
        },
    )
    async def predict(request: Request, top: Annotated[int | None, Query(ge=1)] = None) -> JSONResponse:
        """Label pictures: one that cannot be read has a problem in place of a label; 422 when none can be."""
        with gate.entered():
            made = await answering.all(await received(request, limits), top)
        plain: dict[str, Any] = {"predictions": [asdict(answer) for answer in made]}
        if all(answer.problem for answer in made):
            return _json(422, {"error": _none_readable(made), **plain})
        return _json(200, plain)

    @app.get("/healthz", responses={503: {"model": Trouble, "description": "Not able to answer"}})
    async def healthz() -> dict[str, str]:
        """Tell whether pictures are answered."""
        if not batcher.ready:
            raise Refusal(503, "The model is not ready.")
        return {"status": "ready"}

    @app.get("/model")
    async def model() -> About:
        """Tell what the model tells apart, and what one request may bring."""
        return about

    _add_page(app)
    _add_handlers(app)
    return app


def _add_page(app: FastAPI) -> None:
    for address, file in _PAGE.items():
        path = Path(__file__).parent / "page" / file
        response = Response(path.read_bytes(), media_type=_KINDS[path.suffix], headers=_GUARDS)
        app.add_api_route(address, lambda response=response: response, methods=["GET", "HEAD"], include_in_schema=False)


def _add_handlers(app: FastAPI) -> None:
    """Have all that goes wrong told in JSON, as one sentence."""

    @app.exception_handler(Refusal)
    async def refused(request: Request, error: Refusal) -> JSONResponse:
        return _json(error.status, {"error": str(error)}, error.headers)

    @app.exception_handler(RequestValidationError)
    async def wrong(request: Request, error: RequestValidationError) -> JSONResponse:
        told = [f"{'.'.join(map(str, each['loc'][1:]))}: {each['msg']}" for each in error.errors()]
        return _json(422, {"error": f"{'; '.join(told)}."})

    @app.exception_handler(HTTPException)
    async def unknown(request: Request, error: HTTPException) -> JSONResponse:
        return _json(error.status_code, {"error": f"{error.detail}."}, error.headers)

    @app.exception_handler(ClientDisconnect)
    async def gone(request: Request, error: ClientDisconnect) -> Response:
        return Response(status_code=_GONE)

    @app.exception_handler(Exception)
    async def failed(request: Request, error: Exception) -> JSONResponse:
        told = {"error": "The server failed on this; its own output says why."}
        return _json(500, told, {"Connection": "close"})  # which uvicorn does after an exception


def _none_readable(made: Sequence[Answer]) -> str:
    return made[0].problem if len(made) == 1 else f"None of the {len(made)} pictures can be read."


def _json(status: int, content: Any, headers: Any = None) -> JSONResponse:
    return JSONResponse(content, status, headers={**(headers or {}), "Cache-Control": "no-store"})
