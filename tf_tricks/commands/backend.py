"""The backend of Keras that a command runs on: chosen before Keras is imported."""

import json
import os
import sys
from collections.abc import Sequence

from absl import flags

from tf_tricks.errors import RequestError, unknown

BACKENDS = ("tensorflow", "jax")
VARIABLE = "KERAS_BACKEND"

flags.DEFINE_string(
    "backend", None, "tensorflow or jax (default: KERAS_BACKEND, else that of the run in --workdir, else tensorflow)"
)


def choose(arguments: Sequence[str], any_backend: bool = True) -> None:
    """Sets KERAS_BACKEND from the arguments of a command.

    Args:
        arguments: as the command line has them, `--backend=jax` or `--workdir=DIR` among them.
        any_backend: whether the command runs on any backend; False for one that runs on TensorFlow only.

    Raises:
        RequestError: there is no such backend, or Keras runs on another in this process.
    """
    given = value_of(arguments, "backend")
    if not any_backend:
        if given is not None:
            raise RequestError(f"--backend={given} is no flag of this command, which runs on TensorFlow: leave it out")
        os.environ[VARIABLE] = BACKENDS[0]
        return
    if given is not None and given not in BACKENDS:
        raise unknown("backend", given, BACKENDS)
    asked = given or os.environ.get(VARIABLE) or _of_run(value_of(arguments, "workdir")) or BACKENDS[0]
    now = sys.modules["keras"].config.backend() if "keras" in sys.modules else asked
    if given is not None and now != given:
        raise RequestError(f"--backend={given} cannot be had in this process, where Keras is on {now} already")
    if asked == "jax":
        _check_jax()
    os.environ[VARIABLE] = now


def value_of(arguments: Sequence[str], name: str) -> str | None:
    """Returns the last value of a flag on a command line, or None; flags are not parsed yet."""
    prefix = f"--{name}="
    return next((text.removeprefix(prefix) for text in reversed(arguments) if text.startswith(prefix)), None)


def _of_run(workdir):
    """The backend of the run in a local folder, None where there is no such run."""
    try:
        with open(os.path.join(os.path.expanduser(workdir or ""), "config.json"), encoding="utf-8") as file:
            found = json.load(file).get("backend")
    except (OSError, ValueError, AttributeError):
        return None
    return found if found in BACKENDS else None


def _check_jax():
    try:
        import jax  # noqa: F401
    except ImportError as error:
        raise RequestError(f"JAX is not installed ({error}): pip install 'tf_tricks[jax]'") from error
