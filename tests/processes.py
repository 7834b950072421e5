"""Commands that answer on a port until they are stopped."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass
class Answering:
    """A command that runs, where it answers, and what it says in the end."""

    process: subprocess.Popen[str]
    url: str

    def ended(self) -> tuple[int, str, str]:
        """Wait for its end; return the exit code, and what it wrote since it said where it answers."""
        out, err = self.process.communicate(timeout=60)
        return self.process.returncode, out, err


@contextmanager
def answering(*arguments: object) -> Iterator[Answering]:
    """Run `autotl` with arguments on a free port, and stop it in any case."""
    command = [sys.executable, "-m", "autotl", *map(str, arguments), "--port", "0"]
    own = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}  # libraries set it
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=own) as process:
        try:
            assert process.stdout
            found = next(filter(None, (re.search(r"http://[\w.:]+", line) for line in process.stdout)), None)
            assert found, process.communicate()[1]
            yield Answering(process, found[0])
        finally:
            process.kill()
