from __future__ import annotations

import json
import os
import re
import subprocess
import sys

from . import pictures


def test_a_search_that_reaches_nothing_uses_what_comes_with_autotl_and_says_so(tmp_path):
    closed = "http://127.0.0.1:9"  # the discard port: nobody listens
    environment = {
        **{name: value for name, value in os.environ.items() if name.lower() != "no_proxy"},
        **dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), closed),
        **{name: str(tmp_path / "home") for name in ("HOME", "KERAS_HOME", "AUTOTL_CACHE")},
    }
    data = pictures.write(tmp_path / "data")
    command = [sys.executable, "-m", "autotl", "search", data, "--out", tmp_path / "run", "--trials", "1"]
    done = subprocess.run(
        [*map(str, command), "--epochs", "2"],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, done.stderr
    assert re.search(r"mobilenet_v2 left out: The ImageNet weights .* cannot be downloaded", done.stderr + done.stdout)
    assert "uses what comes with autotl: 'acorn'" in done.stderr + done.stdout
    metrics = json.loads((tmp_path / "run" / "best" / "metrics.json").read_text())
    assert metrics["test"]["accuracy"] > 0.5
    assert (tmp_path / "run" / "best" / "model.keras").is_file()
