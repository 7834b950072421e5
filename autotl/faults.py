"""Faults that another trial cannot get round: a disk that is full, read-only or failing, pictures that are gone."""

from __future__ import annotations

import errno

from autotl.errors import DataError

_DISK = {
    errno.ENOSPC: "is full: free some space",
    errno.EDQUOT: "is full for you (a quota): free some space",
    errno.EROFS: "can only be read: make it writable",
    errno.EIO: "fails (an input or output error): look after it",
}
GO_ON = "Then repeat the command: the search goes on where it was."


def outage(error: BaseException, place: object = "") -> str:
    """Return in words what is wrong outside, and what to do about it; "" for any other error.

    `place` is named where the error names no file itself.
    """
    if isinstance(error, DataError):
        return f"{error} If its disk or share was unplugged, bring it back. {GO_ON}"
    if isinstance(error, OSError) and error.errno in _DISK:
        return f"The disk of {error.filename or place} {_DISK[error.errno]}. {GO_ON}"
    return ""
