"""How a run can end before its time, in sentences."""

from typing import Any

from tf_tricks.errors import RunError
from tf_tricks.training.interrupt import Interrupted


def diverged(step: int) -> RunError:
    """Returns the error of a loss that is not finite at an update, counted from 1."""
    return RunError(
        f"the loss is not finite at step {step}: the run has diverged. Try a learning rate ten times smaller, a "
        "warm-up, clip_global_norm=1.0, or look for NaN in the data"
    )


def interrupted(step: int, workdir: Any, signal: int) -> Interrupted:
    """Returns the error of a signal that came after so many updates; `workdir` is None where nothing is saved."""
    left = f"the state is saved, the same command goes on from there ({workdir})"
    if workdir is None:
        left = "nothing is saved, since there is no workdir"
    return Interrupted(f"stopped at step {step}; {left}", signal)
