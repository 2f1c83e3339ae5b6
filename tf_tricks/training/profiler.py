"""A profile of chosen steps, for TensorBoard's profile page."""

import os
from collections.abc import Sequence

import tensorflow as tf

from tf_tricks.errors import RequestError


class Profiler:
    """Profiles the calls of the compiled loop that lie within a range of updates.

    Args:
        steps: (first, last) update, or None for no profile.
        folder: TensorBoard's log directory.
    """

    def __init__(self, steps: Sequence[int] | None, folder: str | os.PathLike[str] | None):
        if steps is not None and not _is_range(steps):
            raise RequestError(f"profile_steps must be (first, last) with 0 <= first < last, not {steps!r}")
        self._steps = steps if folder is not None else None
        self._folder = folder
        self._running = False

    def wants_control(self, step: int) -> bool:
        """Returns whether the profile begins or ends after update number `step`."""
        return self._steps is not None and step in self._steps

    def after(self, step: int) -> None:
        """Follows a call of the loop; `step` is the number of updates done."""
        if self._steps is None:
            return
        first, last = self._steps
        if not self._running and first <= step < last:
            tf.profiler.experimental.start(str(self._folder))
            self._running = True
        elif step >= last:
            self.stop()
            self._steps = None

    def stop(self) -> None:
        """Writes the profile, if one is being taken."""
        if self._running:
            tf.profiler.experimental.stop()
            self._running = False


def _is_range(steps):
    whole = isinstance(steps, (list, tuple)) and all(isinstance(step, int) for step in steps)
    return whole and len(steps) == 2 and 0 <= steps[0] < steps[1]
