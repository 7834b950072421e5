from __future__ import annotations

import socket

import pytest

from autotl.errors import ConfigError
from autotl.listening import listen, url


def test_a_port_that_is_taken_or_a_host_that_is_not_ours_is_one_line() -> None:
    with listen("127.0.0.1", 0) as taken, pytest.raises(ConfigError, match="is taken"):
        listen("127.0.0.1", taken.getsockname()[1])
    with pytest.raises(ConfigError, match="no address of this machine"):
        listen("192.0.2.1", 0)
    with pytest.raises(ConfigError, match="There is no host"):
        listen("no host", 0)


def test_the_url_is_one_a_browser_takes() -> None:
    with listen("127.0.0.1", 0) as listener:
        assert url(listener) == f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_asyncio_can_tell_that_it_is_tcp_and_so_answers_without_delay() -> None:
    with listen("127.0.0.1", 0) as listener:
        assert listener.proto == socket.IPPROTO_TCP
