from __future__ import annotations

import hashlib
import http.server
import socket
import threading
import time
from pathlib import Path

import pytest

from autotl.builtin import download
from autotl.builtin.download import FetchError, fetch, is_whole, models_folder

BODY = b"weights of a network " * 1000
DIGEST = hashlib.sha256(BODY).hexdigest()


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves one file, in several states of health."""

    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        if self.path == "/missing":
            self.send_error(404)
            return
        time.sleep(0.2 if self.path == "/slow" else 0)
        self.send_response(200)
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        self.wfile.write(BODY[:100] if self.path == "/cut" else BODY)

    def log_message(self, *args: object) -> None:
        """Keep quiet."""


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(download, "_unreachable", {})


@pytest.fixture
def asked() -> list[str]:
    return []


@pytest.fixture
def server(asked):
    handler = type("Asked", (Handler,), {"asked": asked})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


def left(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir() if each.suffix != ".lock")


def test_a_file_is_downloaded_once(server, asked, tmp_path):
    for _ in range(2):
        path = fetch("a.bin", f"{server}/good", tmp_path / "new", DIGEST)
        assert path.read_bytes() == BODY
    assert asked == ["/good"]
    assert left(tmp_path / "new") == ["a.bin"]


def test_an_md5_is_understood_too(server, tmp_path):
    digest = hashlib.md5(BODY).hexdigest()
    assert is_whole(fetch("a.bin", f"{server}/good", tmp_path, digest), digest)


def test_a_download_that_breaks_off_leaves_nothing(server, tmp_path):
    with pytest.raises(FetchError, match=f"broke off after 100 of {len(BODY)} bytes"):
        fetch("a.bin", f"{server}/cut", tmp_path)
    assert left(tmp_path) == []


def test_a_wrong_hash_leaves_nothing(server, tmp_path):
    with pytest.raises(FetchError, match="is not the right file"):
        fetch("a.bin", f"{server}/good", tmp_path, "0" * 64)
    assert left(tmp_path) == []


def test_what_is_no_hdf5_is_refused_without_a_hash(server, tmp_path):
    with pytest.raises(FetchError, match="is not the right file"):
        fetch("a.h5", f"{server}/good", tmp_path)
    assert left(tmp_path) == []


def test_an_answer_that_says_no_is_told(server, tmp_path):
    with pytest.raises(FetchError, match=r"127\.0\.0\.1:\d+ answers 404"):
        fetch("a.bin", f"{server}/missing", tmp_path)


def test_a_damaged_file_is_replaced(server, tmp_path):
    (tmp_path / "a.bin").write_bytes(BODY[:500])
    assert fetch("a.bin", f"{server}/good", tmp_path, DIGEST).read_bytes() == BODY


def test_a_damaged_file_that_cannot_be_replaced_is_named_and_kept(tmp_path):
    (tmp_path / "a.bin").write_bytes(BODY[:500])
    with pytest.raises(FetchError, match=r"a\.bin is damaged; .* cannot be reached"):
        fetch("a.bin", f"http://127.0.0.1:{closed_port()}/good", tmp_path, DIGEST)
    assert (tmp_path / "a.bin").stat().st_size == 500


def test_two_at_once_download_once(server, asked, tmp_path):
    threads = [threading.Thread(target=fetch, args=("a.bin", f"{server}/slow", tmp_path, DIGEST)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (tmp_path / "a.bin").read_bytes() == BODY
    assert asked == ["/slow"]


def test_a_host_that_refuses_is_asked_only_once(tmp_path, monkeypatch):
    url = f"http://127.0.0.1:{closed_port()}/good"
    for _ in range(2):
        with pytest.raises(FetchError, match="cannot be reached: Connection refused"):
            fetch("a.bin", url, tmp_path)
        monkeypatch.setattr("urllib.request.urlopen", None)  # asking again would be another error


def test_a_silent_host_is_given_up_in_time(tmp_path, monkeypatch):
    monkeypatch.setattr(download, "ANSWER_SECONDS", 0.2)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/good"
        began = time.monotonic()
        for _ in range(3):
            with pytest.raises(FetchError, match=r"cannot be reached: no answer within 0\.2 seconds"):
                fetch("a.bin", url, tmp_path)
        assert time.monotonic() - began < 1


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(FetchError, match="cannot be written"):
        fetch("a.bin", "http://127.0.0.1/", tmp_path / "file" / "models")


def test_hdf5_files_show_whether_they_are_whole(tmp_path):
    import h5py

    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["numbers"] = list(range(1000))
    assert is_whole(path)
    path.write_bytes(path.read_bytes()[:-200])
    assert not is_whole(path)


def test_the_folder_is_where_keras_keeps_weights(monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    assert models_folder() == tmp_path / "models"
    monkeypatch.delenv("KERAS_HOME")
    assert models_folder() == Path.home() / ".keras" / "models"


def closed_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]
