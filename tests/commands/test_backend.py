"""The backend of a command: its flag, else the environment's, else the run's, else TensorFlow."""

import json
import os
import subprocess
import sys

import pytest
from support.forked import Forked

from tf_tricks import cli
from tf_tricks.commands import backend
from tf_tricks.errors import RequestError


@pytest.fixture(autouse=True)
def _without_keras(monkeypatch):
    """As in a process that has just started."""
    monkeypatch.delitem(sys.modules, "keras")
    monkeypatch.delenv(backend.VARIABLE, raising=False)


def chosen(*arguments, **keywords):
    backend.choose(arguments, **keywords)
    return os.environ[backend.VARIABLE]


@pytest.fixture
def run(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"backend": "jax"}))
    return f"--workdir={tmp_path}"


def test_tensorflow_where_nothing_is_said(tmp_path):
    assert chosen(f"--workdir={tmp_path}") == "tensorflow"


def test_the_runs(run):
    assert chosen(run) == "jax"


def test_the_environments_goes_before_the_runs(run, monkeypatch):
    monkeypatch.setenv(backend.VARIABLE, "tensorflow")
    assert chosen(run) == "tensorflow"


def test_the_flag_goes_before_all(run, monkeypatch):
    monkeypatch.setenv(backend.VARIABLE, "jax")
    assert chosen(run, "--backend=tensorflow") == "tensorflow"


def test_a_backend_that_there_is_not_gets_the_nearest():
    with pytest.raises(RequestError, match="there is no backend 'jaxx'; did you mean 'jax'"):
        chosen("--backend=jaxx")


def test_a_command_on_tensorflow_only(run):
    assert chosen(run, any_backend=False) == "tensorflow"
    with pytest.raises(RequestError, match="--backend=jax is no flag of this command, which runs on TensorFlow"):
        chosen("--backend=jax", any_backend=False)


def test_a_run_goes_on_where_it_began_or_not_at_all(tmp_path):
    def train(*flags):
        environment = os.environ | {"JAX_PLATFORMS": "cpu"}
        command = [sys.executable, "-m", "tf_tricks.cli", *asked, *flags]
        return subprocess.run(command, env=environment, capture_output=True, text=True)

    asked = ["train", "--config=digits", f"--workdir={tmp_path / 'run'}", "--config.augment=None"]
    asked += ["--config.model={'name': 'mlp', 'hidden': (8,)}"]
    first = train("--backend=jax", "--config.epochs=1")
    assert first.returncode == 0, first.stderr
    assert "by JAX" in first.stdout
    assert json.loads((tmp_path / "run" / "config.json").read_text())["backend"] == "jax"
    other = Forked(cli.main, [[*asked, "--backend=tensorflow", "--config.epochs=2"]], tmp_path / "printed.txt")
    assert "is another one by its backend: jax then, tensorflow now" in other.join()
    assert other.status == 2
    again = train("--config.epochs=2")
    assert (again.returncode, "by JAX" in again.stdout) == (0, True), again.stderr
