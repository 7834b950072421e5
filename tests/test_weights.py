from __future__ import annotations

import hashlib
import http.server
import threading
from pathlib import Path

import pytest

import autotl as package
from autotl.builtin import download
from autotl.plugins import catalogue
from autotl.weights import fetch_all, folder, held

BODY = b"weights of a network " * 5000
DIGEST = hashlib.sha256(BODY).hexdigest()
PLUGIN = """
import autotl

class Published(autotl.Backbone):
    weights, image_size, needs_download = "published", 32, True

    def __init__(self, name, url, digest):
        self.name, self.url, self.digest = name, url, digest

    @property
    def download(self):
        return autotl.Download(self.name + ".bin", self.url, self.digest)

    def build(self, image_size, *, weights):
        raise autotl.WeightsError("not here")

@autotl.hookimpl
def backbones():
    rows = {rows}
    return [Published(*row) for row in rows]
"""


class Store(http.server.BaseHTTPRequestHandler):
    """Plays the store of published weights, in good and in bad health."""

    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        breaks = self.path == "/cut" or (self.path == "/flaky" and self.asked.count("/flaky") < 3)
        self.send_response(200)
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        self.wfile.write(BODY[:1000] if breaks else BODY)

    def log_message(self, *args: object) -> None:
        """Keep quiet."""


@pytest.fixture
def asked() -> list[str]:
    return []


@pytest.fixture
def plugin(asked, tmp_path, monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setattr(download, "_unreachable", {})
    monkeypatch.setattr(download, "PAUSE_SECONDS", 0.01)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), type("Asked", (Store,), {"asked": asked})) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        here = f"http://127.0.0.1:{running.server_port}"
        rows = [
            ("good", f"{here}/good", DIGEST),
            ("cut", f"{here}/cut", DIGEST),
            ("flaky", f"{here}/flaky", DIGEST),
            ("wrong", f"{here}/good", "0" * 64),
            ("far", "http://127.0.0.1:9/file", DIGEST),
        ]
        file = tmp_path / "published.py"
        file.write_text(PLUGIN.replace("{rows}", repr(rows)))
        yield file
        running.shutdown()
        thread.join()


def left(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir() if not each.name.endswith(".lock"))


def test_what_is_fetched_is_here_and_whole(plugin, asked):
    told = []
    parts = catalogue([plugin])
    (one,) = fetch_all(parts, ["good"], lambda *row: told.append(row))
    assert (one.state, one.bytes, one.checked, one.problem) == ("present", len(BODY), True, "")
    assert told[-1] == ("good", len(BODY), len(BODY))
    assert (folder() / "good.bin").read_bytes() == BODY
    fetch_all(parts, ["good"], lambda *row: None)
    assert asked == ["/good"]  # not again


def test_what_breaks_off_is_tried_anew(plugin, asked):
    (one,) = fetch_all(catalogue([plugin]), ["flaky"], lambda *row: None)
    assert one.state == "present"
    assert len(asked) == 3


@pytest.mark.parametrize(
    ("name", "reason"),
    [("cut", "broke off after 1000 of"), ("wrong", "not the right file"), ("far", "cannot be reached")],
)
def test_what_cannot_be_had_leaves_no_file_and_a_reason(plugin, name, reason):
    (one,) = fetch_all(catalogue([plugin]), [name], lambda *row: None)
    assert one.state == "missing"
    assert reason in one.problem
    assert left(folder()) == []


def test_a_damaged_file_is_found_and_mended(plugin):
    parts = catalogue([plugin])
    fetch_all(parts, ["good"], lambda *row: None)
    (folder() / "good.bin").write_bytes(BODY[:-1] + b"!")
    assert [one.state for one in held(parts, ["good"])] == ["present"]  # at a glance
    assert [one.state for one in held(parts, ["good"], thoroughly=True)] == ["damaged"]
    assert [one.state for one in fetch_all(parts, ["good"], lambda *row: None)] == ["present"]


def test_every_network_of_keras_names_its_file():
    parts = catalogue()
    for name in parts.names("backbone"):
        part = parts.backbone(name)
        assert (part.download is not None) == part.needs_download
        if part.download is not None:
            assert part.download.url.startswith("https://storage.googleapis.com/")
            assert part.download.url.endswith(part.download.name) or part.download.name.startswith("nasnet")


@pytest.mark.parametrize("name", ["mobilenet_v2", "mobilenet_0.25", "efficientnet_v2_b0", "vgg16"])
def test_the_file_named_is_the_one_that_keras_asks_for(name, monkeypatch, tmp_path):
    asked = []

    def fetch(file, url, folder, digest=None):
        asked.append((file, url, digest))
        raise download.FetchError("this is a test")

    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr("autotl.builtin.weights.fetch", fetch)
    part = catalogue().backbone(name)
    with pytest.raises(package.WeightsError, match="this is a test"):
        part.build(part.image_size)
    assert asked == [(part.download.name, part.download.url, part.download.digest)]
