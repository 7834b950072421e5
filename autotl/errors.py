"""The exceptions of autotl, all below one root.

    AutotlError
      x ConfigError     a setting is missing, unknown or out of range
      x DataError       the pictures cannot be used as they are
      x PluginError     a plugin did not load, or breaks its contract
        + UnknownPart   no plugin offers a part by that name
      x WeightsError    the weights of a backbone cannot be had
      x RunError        a run folder cannot be used for what was asked
      x TrialError      one trial failed; the study goes on
        + TimeUp        its time was up before it had anything to show

The command line prints any of these in one line and exits with 1; everything else is a bug of ours.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class AutotlError(Exception):
    """Something the user can mend; its message says what happened, what was expected and what to do."""


class ConfigError(AutotlError):
    """A setting is missing, unknown or out of range."""


class DataError(AutotlError):
    """The pictures cannot be used as they are."""


class PluginError(AutotlError):
    """A plugin did not load, or breaks its contract."""


class UnknownPart(PluginError):  # noqa: N818  (a noun says it better than UnknownPartError)
    """No plugin offers a part by that name."""


class WeightsError(AutotlError):
    """The weights of a backbone cannot be had."""


class RunError(AutotlError):
    """A run folder cannot be used for what was asked."""


class TrialError(AutotlError):
    """One trial failed; the study goes on."""


class TimeUp(TrialError):  # noqa: N818  (nothing went wrong)
    """The time of a trial was up before it had anything to show."""


def near_miss(word: str, known: Iterable[str]) -> str:
    """Return " Did you mean 'x'?" when `word` resembles one of `known`, else an empty string."""
    close = difflib.get_close_matches(word, list(known), n=1)
    return f" Did you mean {close[0]!r}?" if close else ""
