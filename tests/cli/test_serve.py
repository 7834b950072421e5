from __future__ import annotations

import importlib
import signal
import socket
from io import BytesIO

import httpx
import pytest
from PIL import Image

from .. import hostile, saved_model
from ..processes import answering


def png(grey: int) -> bytes:
    file = BytesIO()
    Image.new("RGB", (20, 10), (grey,) * 3).save(file, "PNG")
    return file.getvalue()


def test_a_request_in_flight_is_answered_after_sigterm_and_no_other(tmp_path) -> None:
    run = saved_model.save_run(tmp_path / "lights")
    request = httpx.Request("POST", "http://x/predict", files=[("files", ("day.png", png(250)))])
    body = request.read()
    head = f"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: {request.headers['content-type']}\r\n"
    head += f"Content-Length: {len(body)}\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n"
    with answering("serve", run) as server:
        about = httpx.get(f"{server.url}/model").json()
        assert (about["name"], about["classes"]) == ("lights", ["dark", "bright"])
        host, port = server.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=30) as late:
            late.sendall(head.encode())
            assert b"100 Continue" in late.recv(1000)  # from here on, the request is in flight
            server.process.send_signal(signal.SIGTERM)
            while is_open(host, int(port)):
                pass
            late.sendall(body)
            answer = late.makefile("rb").read()
        assert b"200 OK" in answer
        assert b'"label":"bright"' in answer
        assert server.ended() == (0, "stopped\n", "")


def is_open(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=30).close()
    except OSError:
        return False
    return True


@pytest.mark.parametrize(("command", "name"), [("serve", "uvicorn"), ("dashboard", "optuna_dashboard")])
def test_a_missing_extra_is_one_line_that_says_how_to_get_it(autotl, monkeypatch, command, name) -> None:
    for room in ("autotl.serve", "autotl.dashboard"):
        module = importlib.import_module(room)
        monkeypatch.setattr(module, "find_spec", lambda asked: None if asked == name else object())
    done = autotl(command, "nowhere")
    assert done.exit_code == 1
    assert f'pip install "autotl[{command}]"' in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_port_that_is_taken_is_told_before_anything_is_loaded(autotl) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        for command in ("serve", "dashboard"):
            done = autotl(command, "nowhere", "--port", taken.getsockname()[1])
            assert done.exit_code == 1
            assert done.stderr.count("\n") == 1


def test_a_model_that_is_not_there_or_holds_code_is_not_served(autotl, tmp_path) -> None:
    assert "There is no run folder or model" in autotl("serve", tmp_path / "nowhere", "--port", "0").stderr
    harm = hostile.lambda_model(tmp_path / "harm.keras", tmp_path / "marker")
    done = autotl("serve", harm, "--port", "0")
    assert (done.exit_code, "it holds code" in done.stderr) == (1, True)
    assert not (tmp_path / "marker").exists()
