"""Fetches the files of published weights: once, whole, checked, and without waiting for a dead network.

Keras's own `get_file` writes straight to the final name, without a lock and, for some networks, without a hash,
so that two first runs or a kill leave a broken file that fails for ever. Here a file is downloaded to a temporary
name under a lock, its length and hash are checked, and only then it is renamed.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import queue
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path

import filelock

OnProgress = Callable[[int, int], object]

ANSWER_SECONDS = 8.0  # until the server must have answered, name look-up included
STALL_SECONDS = 30.0  # a transfer without a byte for so long has failed
PAUSE_SECONDS = 1.0  # before what broke off is tried anew
LOCK_SECONDS = 3600.0  # another process may be downloading half a gigabyte
_CHUNK = 1 << 20
_unreachable: dict[str, str] = {}


class FetchError(Exception):
    """A file cannot be had; the message is the reason, in a few words."""


class InterruptedFetchError(FetchError):
    """A download broke off; another try may succeed."""


def models_folder() -> Path:
    """Return the folder where Keras keeps weights: `models` in `KERAS_HOME`, else in `~/.keras`."""
    return Path(os.environ.get("KERAS_HOME") or "~/.keras").expanduser() / "models"


def fetch(
    name: str,
    url: str,
    folder: Path,
    digest: str | None = None,
    *,
    tries: int = 1,
    on_progress: OnProgress = lambda done, total: None,
) -> Path:
    """Return the path of file `name` in `folder`, downloaded from `url` if it is missing or damaged.

    `digest` is an MD5 or SHA-256 in hexadecimals; what broke off is tried anew, `tries` times in all;
    `on_progress` is told bytes, the total being 0 while it is not known. Raises FetchError.
    """
    target = folder / name
    if is_whole(target, digest):
        return target
    damaged = target.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(folder / f".{name}.lock", timeout=LOCK_SECONDS):
            if not is_whole(target, digest):
                _patiently(url, target, digest, tries, on_progress)
    except FetchError as error:
        raise FetchError(f"{target} is damaged; {error}" if damaged else str(error)) from error
    except filelock.Timeout:
        raise FetchError(f"another process has been downloading {name} for an hour") from None
    except OSError as error:
        raise FetchError(f"{folder} cannot be written: {error.strerror or error}") from error
    return target


def is_whole(path: Path, digest: str | None = None) -> bool:
    """Return whether a file is there and undamaged: by its hash, or else, for HDF5, by its inner lengths."""
    if not path.is_file():
        return False
    if digest is not None:
        return _digest(path, digest) == digest
    return path.suffix not in (".h5", ".hdf5") or _is_hdf5(path)


def _patiently(url: str, target: Path, digest: str | None, tries: int, on_progress: OnProgress) -> None:
    for left in range(tries - 1, -1, -1):
        try:
            _download(url, target, digest, on_progress)
            return
        except InterruptedFetchError:
            if not left:
                raise
            time.sleep(PAUSE_SECONDS)


def _download(url: str, target: Path, digest: str | None, on_progress: OnProgress) -> None:
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}-", suffix=target.suffix)
    os.close(handle)
    part = Path(name)
    try:
        _receive(url, part, on_progress)
        if not is_whole(part, digest):
            raise FetchError(f"what {_host(url)} sent is not the right file")
        part.chmod(0o644)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def _receive(url: str, part: Path, on_progress: OnProgress) -> None:
    with _open(url) as response, part.open("wb") as file:
        length = response.headers.get("Content-Length")
        try:
            while chunk := response.read(_CHUNK):
                file.write(chunk)
                on_progress(file.tell(), int(length or 0))
        except (TimeoutError, http.client.HTTPException, ConnectionError) as error:
            raise InterruptedFetchError(f"the download from {_host(url)} broke off: {_few_words(error)}") from error
        if length is not None and file.tell() != int(length):
            raise InterruptedFetchError(
                f"the download from {_host(url)} broke off after {file.tell()} of {length} bytes"
            )


def _open(url: str) -> http.client.HTTPResponse:
    """Open a URL within ANSWER_SECONDS: in a thread, for a name look-up knows no time limit."""
    host = _host(url)
    if host in _unreachable:
        raise FetchError(_unreachable[host])
    answers: queue.SimpleQueue[http.client.HTTPResponse | Exception] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(urllib.request.urlopen(url, timeout=STALL_SECONDS))
        except Exception as error:
            answers.put(error)

    threading.Thread(target=ask, daemon=True, name=f"open {host}").start()
    try:
        answer = answers.get(timeout=ANSWER_SECONDS)
    except queue.Empty:
        answer = TimeoutError(f"no answer within {ANSWER_SECONDS:g} seconds")
    if isinstance(answer, urllib.error.HTTPError):
        answer.close()
        raise FetchError(f"{host} answers {answer.code} {answer.reason}")
    if isinstance(answer, Exception):
        _unreachable[host] = f"{host} cannot be reached: {_few_words(answer)}"
        raise FetchError(_unreachable[host]) from answer
    return answer


def _few_words(error: BaseException) -> str:
    cause = getattr(error, "reason", None) or getattr(error, "strerror", None) or error
    cause = getattr(cause, "strerror", None) or cause
    return " ".join(str(cause).split()) or type(error).__name__


def _host(url: str) -> str:
    return urllib.parse.urlsplit(url).netloc


def _digest(path: Path, like: str) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256" if len(like) == 64 else "md5").hexdigest()


def _is_hdf5(path: Path) -> bool:
    import h5py

    try:
        with h5py.File(path, "r") as file:
            return len(file) > 0 or len(file.attrs) > 0
    except OSError:
        return False
