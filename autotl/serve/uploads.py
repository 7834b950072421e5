"""Pictures out of a request: in memory alone, and never more of them than the limits allow."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from starlette.datastructures import FormData, Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from autotl.serve.limits import MB, Limits, Refusal

FORM = "multipart/form-data"


@dataclass(frozen=True, slots=True)
class Upload:
    """One picture as it was sent: the name its sender gave it, and its bytes."""

    name: str
    content: bytes


async def received(request: Request, limits: Limits) -> list[Upload]:
    """Return the pictures that a request brings; raises Refusal when they are none, too many or too large."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        raise Refusal(415, f"Send pictures as {FORM}, in fields named files: curl -F files=@picture.jpg.")
    told = request.headers.get("content-length", "")
    if told.isdigit() and int(told) > limits.upload:
        raise _too_large(limits)
    try:
        async with asyncio.timeout(limits.seconds):
            form = await _parsed(request.headers, _limited(request.stream(), limits), limits)
    except TimeoutError:
        raise Refusal(408, f"The pictures did not arrive within {limits.seconds:g} seconds. Send fewer.") from None
    try:
        files = [value for _, value in form.multi_items() if isinstance(value, UploadFile)]
        files = [file for file in files if file.filename or file.size]  # a form sends a field left empty, too
        if not files:
            raise Refusal(422, "There is no picture in the request. Send at least one, in a field named files.")
        return [Upload(file.filename or "", await file.read()) for file in files]
    finally:
        await form.close()


async def _parsed(headers: Headers, stream: AsyncGenerator[bytes, None], limits: Limits) -> FormData:
    parser = MultiPartParser(headers, stream, max_files=limits.files, max_fields=limits.files)
    parser.spool_max_size = limits.upload  # more than can come, so no picture touches the disk
    try:
        return await parser.parse()
    except MultiPartException as error:
        raise Refusal(400, f"The request cannot be read: {error.message.rstrip('.')}.") from error


async def _limited(stream: AsyncGenerator[bytes, None], limits: Limits) -> AsyncGenerator[bytes, None]:
    """Yield what comes, whatever was told of its length, and refuse what is too much as soon as it is."""
    came = 0
    async for chunk in stream:
        came += len(chunk)
        if came > limits.upload:
            raise _too_large(limits)
        yield chunk


def _too_large(limits: Limits) -> Refusal:
    return Refusal(413, f"One request may bring {limits.upload / MB:g} MB. Send fewer or smaller pictures.")
