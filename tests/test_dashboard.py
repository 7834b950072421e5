from __future__ import annotations

import signal
from pathlib import Path

import httpx
import optuna
import pytest

from autotl.dashboard import show
from autotl.database import Connection
from autotl.errors import RunError

from .processes import answering


def study_in(run: Path) -> optuna.Study:
    """Return a study of one trial, open and written as a search writes it."""
    run.mkdir(parents=True)
    storage = optuna.storages.RDBStorage(
        f"sqlite:///{run}/study.db", engine_kwargs={"connect_args": {"factory": Connection, "timeout": 0}}
    )
    study = optuna.create_study(study_name="autotl", storage=storage)
    study.add_trial(optuna.trial.create_trial(value=1.0))
    return study


def test_the_dashboard_follows_a_search_that_goes_on_and_cannot_change_it(tmp_path) -> None:
    study = study_in(tmp_path / "run")
    with answering("dashboard", tmp_path / "run") as command, httpx.Client(base_url=command.url) as client:
        assert [one["study_name"] for one in client.get("/api/studies").json()["study_summaries"]] == ["autotl"]
        assert len(client.get("/api/studies/1").json()["trials"]) == 1
        study.add_trial(optuna.trial.create_trial(value=2.0))  # would raise if it had to wait
        assert client.delete("/api/studies/1").status_code == 500
        command.process.send_signal(signal.SIGTERM)
        assert command.ended()[:2] == (0, "stopped\n")
    assert len(study.get_trials()) == 2


def test_any_tool_of_optuna_reads_the_study(tmp_path) -> None:
    study_in(tmp_path / "run")
    read = optuna.load_study(study_name="autotl", storage=f"sqlite:///{tmp_path}/run/study.db")
    assert read.best_value == 1.0


def test_a_folder_of_any_name_will_do(tmp_path) -> None:
    study_in(tmp_path / "run")
    odd = (tmp_path / "run").rename(tmp_path / "50%25 of #1? yes & no")
    with answering("dashboard", odd) as command:
        assert httpx.get(f"{command.url}/api/studies").json()["study_summaries"]


def test_what_is_no_run_or_no_study_is_one_line(tmp_path) -> None:
    with pytest.raises(RunError, match="There is no study in"):
        show(tmp_path, host="127.0.0.1", port=0)
    (tmp_path / "study.db").write_text("no database")
    with pytest.raises(RunError, match="cannot be used"):
        show(tmp_path, host="127.0.0.1", port=0)
