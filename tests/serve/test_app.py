from __future__ import annotations

import re
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from autotl.data.problems import limited

from .conftest import brightness, picture, sent


def test_each_picture_of_a_request_has_its_own_answer_in_order(lamp) -> None:
    told = lamp.post("/predict", files=sent(picture(255), picture(0), picture(200, kind="JPEG")))
    assert told.status_code == 200
    answers = told.json()["predictions"]
    assert [answer["name"] for answer in answers] == ["0.png", "1.png", "2.png"]
    assert [answer["label"] for answer in answers] == ["bright", "dark", "bright"]
    assert answers[0]["confidence"] == 1.0
    assert list(answers[2]["probabilities"]) == ["bright", "dark"]


def test_top_keeps_the_most_probable_classes(lamp) -> None:
    told = lamp.post("/predict?top=1", files=sent(picture(255)))
    assert told.json()["predictions"][0]["probabilities"] == {"bright": 1.0}


def test_a_picture_that_cannot_be_read_does_not_stop_the_others(lamp) -> None:
    told = lamp.post("/predict", files=sent(picture(0), picture(0)[:40], b"", b"GIF89a no picture"))
    assert told.status_code == 200
    first, *others = told.json()["predictions"]
    assert (first["label"], first["problem"]) == ("dark", "")
    assert all(other["label"] is None and "cannot be read" in other["problem"] for other in others)


def test_nothing_but_unreadable_pictures_is_a_422_that_still_says_why_of_each(lamp) -> None:
    told = lamp.post("/predict", files=sent(b"one", b"two"))
    assert told.status_code == 422
    assert told.json()["error"] == "None of the 2 pictures can be read."
    assert len(told.json()["predictions"]) == 2


def test_a_decompression_bomb_is_refused_by_its_header(lamp) -> None:
    with limited(0.01):
        told = lamp.post("/predict", files=sent(picture(size=(200, 100))))
    assert told.status_code == 422
    assert "more than 0.01 million pixels" in told.json()["error"]


@pytest.mark.parametrize(
    ("request_", "status", "words"),
    [
        ({"url": "/predict", "json": {}}, 415, "multipart/form-data"),
        ({"url": "/predict", "files": {"files": ("", b"")}}, 422, "no picture"),
        ({"url": "/predict?top=0", "files": sent(b"x")}, 422, "top: .*greater than or equal to 1"),
        ({"url": "/predict", "files": sent(*[b"x"] * 9)}, 400, "Too many files"),
        ({"url": "/predict", "files": sent(b"x" * 5000)}, 413, "0.004 MB"),
        ({"url": "/elsewhere", "content": b""}, 404, "Not Found"),
        (
            {"url": "/predict", "content": b"--", "headers": {"content-type": "multipart/form-data"}},
            400,
            "Missing boundary",
        ),
    ],
)
def test_what_is_wrong_is_told_in_one_sentence_of_json(client, request_, status, words) -> None:
    told = client(upload=4000, files=8).post(**request_)
    assert told.status_code == status
    assert set(told.json()) == {"error"}
    assert re.search(words, told.json()["error"])


def test_more_requests_than_there_is_room_for_are_sent_away_with_a_time_to_come_again(client) -> None:
    entered, go_on = threading.Event(), threading.Event()
    warm = []

    def slow(pixels):
        if len(warm) < 5:  # one of each size
            warm.append(pixels)
        else:
            entered.set()
            go_on.wait(10)
        return brightness(pixels)

    server = client(slow, queue=1)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(server.post, "/predict", files=sent(picture(0)))
        assert entered.wait(10)
        refused = server.post("/predict", files=sent(picture(0)))
        go_on.set()
        assert first.result().status_code == 200
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    assert "Try again soon" in refused.json()["error"]
    assert server.post("/predict", files=sent(picture(0))).status_code == 200


def test_a_model_that_fails_is_a_500_and_no_end(client) -> None:
    def moody(pixels):
        if pixels.max() == 13:
            raise ValueError("thirteen")
        return brightness(pixels)

    server = client(moody)
    failed = server.post("/predict", files=sent(picture(13)))
    assert (failed.status_code, set(failed.json())) == (500, {"error"})
    assert server.post("/predict", files=sent(picture(14))).status_code == 200


def test_no_picture_touches_the_disk(lamp, monkeypatch) -> None:
    def refuse(*_, **__):
        raise AssertionError("a picture is written to the disk")

    monkeypatch.setattr(tempfile.SpooledTemporaryFile, "rollover", refuse)
    large = picture(size=(1000, 1000), kind="BMP")
    assert len(large) > 2 * 10**6
    assert lamp.post("/predict", files=sent(large)).status_code == 200


def test_health_and_the_model_are_told(client) -> None:
    server = client(upload=5 * 10**6)
    assert server.get("/healthz").json() == {"status": "ready"}
    about = server.get("/model").json()
    assert (about["name"], about["classes"], about["image_size"]) == ("lamp", ["dark", "bright"], [12, 16])
    assert about["max_upload"] == 5 * 10**6


def test_the_description_of_the_interface_says_how_pictures_are_sent(lamp) -> None:
    told = lamp.get("/openapi.json").json()
    assert set(told["paths"]) == {"/predict", "/healthz", "/model"}
    asked = told["paths"]["/predict"]["post"]
    assert asked["requestBody"]["content"]["multipart/form-data"]["schema"]["required"] == ["files"]
    assert {"200", "413", "415", "422", "503"} <= set(asked["responses"])


def test_the_page_asks_nobody_else_for_anything(lamp) -> None:
    page = lamp.get("/")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    for address in ("/", "/style.css", "/script.js"):
        told = lamp.get(address)
        assert told.status_code == 200
        assert "://" not in told.text
        assert "innerHTML" not in told.text
    for address in ("/docs", "/redoc"):
        assert lamp.get(address).status_code == 404
