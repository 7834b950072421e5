from __future__ import annotations

import asyncio

import pytest
from starlette.requests import ClientDisconnect, Request

from autotl.serve.limits import Limits, Refusal
from autotl.serve.uploads import received

HEAD = b'--b\r\nContent-Disposition: form-data; name="files"; filename="endless.png"\r\n\r\n'


def request(messages) -> Request:
    """Return a request that tells no length, as its messages come in."""

    async def receive():
        message = next(messages)
        if message is None:
            await asyncio.sleep(60)
        return message

    headers = [(b"content-type", b"multipart/form-data; boundary=b")]
    return Request({"type": "http", "method": "POST", "path": "/", "query_string": b"", "headers": headers}, receive)


def chunk(content: bytes, more: bool = True):
    return {"type": "http.request", "body": content, "more_body": more}


def test_a_body_without_a_length_is_refused_as_soon_as_it_is_too_large() -> None:
    taken = []

    def endless():
        yield chunk(HEAD)
        while True:
            taken.append(1000)
            yield chunk(b"x" * 1000)

    with pytest.raises(Refusal, match="may bring") as refused:
        asyncio.run(received(request(endless()), Limits(upload=10_000)))
    assert refused.value.status == 413
    assert sum(taken) <= 10_000


def test_what_does_not_arrive_in_time_is_given_up() -> None:
    with pytest.raises(Refusal, match="did not arrive") as refused:
        asyncio.run(received(request(iter([chunk(HEAD), None])), Limits(seconds=0.05)))
    assert refused.value.status == 408


def test_a_client_that_goes_away_is_no_picture() -> None:
    with pytest.raises(ClientDisconnect):
        asyncio.run(received(request(iter([chunk(HEAD), {"type": "http.disconnect"}])), Limits()))


def test_names_and_contents_come_as_they_were_sent() -> None:
    body = HEAD.replace(b"endless", "Grüße <b>".encode()) + b"content\r\n--b--\r\n"
    halves = iter([chunk(body[:100]), chunk(body[100:], more=False)])
    (upload,) = asyncio.run(received(request(halves), Limits()))
    assert (upload.name, upload.content) == ("Grüße <b>.png", b"content")
