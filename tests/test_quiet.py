from __future__ import annotations

import os
import subprocess
import sys

import pytest

from autotl.quiet import quiet


def test_what_native_code_says_is_held_back(capfd):
    with quiet():
        os.write(2, b"I0000 oneDNN")
    os.write(2, b"after")
    assert capfd.readouterr().err == "after"


def test_it_is_shown_when_something_goes_wrong(capfd):
    with pytest.raises(ImportError, match="no such library"), quiet():
        os.write(2, b"libcuda is too old")
        raise ImportError("no such library")
    assert capfd.readouterr().err == "libcuda is too old"


def test_a_process_without_standard_error_does_no_harm():
    code = "import os, autotl.quiet as q\nos.close(2)\nwith q.quiet(): print('fine')"
    assert subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True).stdout == "fine\n"
