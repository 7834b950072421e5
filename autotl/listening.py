"""A place to listen on, had before anything slow begins, or one line that says why it cannot be had."""

from __future__ import annotations

import errno
import socket

from autotl.errors import ConfigError

_TAKEN = "Port {port} of {host} is taken. Choose another with --port, or 0 for any that is free."
_WHYS = {
    errno.EADDRINUSE: _TAKEN,
    errno.EACCES: "Port {port} of {host} may not be used by you. Choose one above 1023 with --port.",
    errno.EADDRNOTAVAIL: "{host} is no address of this machine. Name one of its own with --host.",
}


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens there; raises ConfigError when it cannot be had."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP, flags=socket.AI_PASSIVE
        )[0]
    except socket.gaierror:
        raise ConfigError(f"There is no host {host!r}. Name an address of this machine with --host.") from None
    listener = socket.socket(family, kind, protocol)  # told TCP by name, asyncio does not wait to fill packets (40 ms)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(128)
    except OSError as error:
        listener.close()
        why = _WHYS.get(error.errno or 0, f"Port {{port}} of {{host}} cannot be used: {error.strerror}.")
        raise ConfigError(why.format(host=host, port=port)) from None
    return listener


def url(listener: socket.socket) -> str:
    """Return where a browser finds it."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
