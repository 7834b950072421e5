"""Keeps native libraries from writing to the terminal: tensorflow greets with a page of its own affairs."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

_STDERR = 2  # the descriptor: what C++ writes never passes through sys.stderr


@contextmanager
def quiet() -> Iterator[None]:
    """Hold back what is written to the standard error meanwhile; show it only if the block raises.

    TF_CPP_MIN_LOG_LEVEL alone is not enough: tensorflow 2.21 ignores it for what it says while being imported.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        terminal = os.dup(_STDERR)
    except OSError:  # there is none, as in a service
        yield
        return
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), _STDERR)
        try:
            yield
        except BaseException:
            held.seek(0)
            os.write(terminal, held.read())
            raise
        finally:
            os.dup2(terminal, _STDERR)
            os.close(terminal)
