"""How far a run is: a bar on a terminal and in a notebook, now and then a line where the output goes to a file."""

import math
import sys
import time
from collections.abc import Mapping
from typing import Any

import tqdm

from tf_tricks.training.metrics_file import numbers

SECONDS = 30
"""From one line to the next where there is no bar."""


def progress_of(
    total_examples: int, examples_seen: int, total_epochs: float, verbose: int = 1
) -> "Silent | ProgressBar | ProgressLines":
    """Returns what shows the progress where this process writes to.

    Args:
        total_examples: examples of the whole run.
        examples_seen: where it starts.
        total_epochs: epochs of the whole run.
        verbose: 0 for nothing at all.
    """
    if not verbose:
        return Silent()
    kind = ProgressBar if sys.stderr.isatty() or in_notebook() else ProgressLines
    return kind(total_examples, examples_seen, math.ceil(total_epochs))


def in_notebook() -> bool:
    """Returns whether this is a notebook's kernel, where a line can be written over as on a terminal."""
    ipython = sys.modules.get("IPython")
    return ipython is not None and getattr(ipython.get_ipython(), "kernel", None) is not None


class Silent:
    """Shows nothing."""

    def advance(self, epoch: int, examples: int, loss: float) -> None:
        """Follows a call of the loop."""

    def epoch_line(self, epoch: int, logs: Mapping[str, Any]) -> None:
        """Follows an epoch."""

    def close(self) -> None:
        """Follows the run."""


class ProgressBar:
    """A bar with the rate in examples a second and the time left.

    Args:
        total_examples: examples of the whole run.
        examples_seen: where it starts.
        total_epochs: epochs of the whole run, an integer.
    """

    def __init__(self, total_examples: int, examples_seen: int, total_epochs: int):
        self.total_epochs = total_epochs
        notebook = in_notebook()  # which shows standard error in red, and has no width
        self._bar = tqdm.tqdm(
            total=total_examples,
            initial=examples_seen,
            unit="ex",
            unit_scale=True,
            dynamic_ncols=not notebook,
            ncols=100 if notebook else None,
            file=sys.stdout if notebook else sys.stderr,
            leave=False,
        )

    def advance(self, epoch: int, examples: int, loss: float) -> None:
        """Moves on by `examples`; `epoch` counts from 0."""
        self._bar.set_description(f"epoch {epoch + 1}/{self.total_epochs}", refresh=False)
        self._bar.set_postfix_str(f"loss {loss:.4f}", refresh=False)
        self._bar.update(examples)

    def epoch_line(self, epoch: int, logs: Mapping[str, Any]) -> None:
        """Prints one line of results above the bar."""
        self._bar.clear()
        tqdm.tqdm.write(_epoch_line(epoch, self.total_epochs, logs))

    def close(self) -> None:
        """Takes the bar away."""
        self._bar.close()


class ProgressLines:
    """A line every `SECONDS`, with the rate in examples a second and the time left; arguments as for `ProgressBar`."""

    def __init__(self, total_examples: int, examples_seen: int, total_epochs: int):
        self.total_epochs = total_epochs
        self._total, self._seen, self._begun_with = total_examples, examples_seen, examples_seen
        self._began = self._said = time.monotonic()

    def advance(self, epoch: int, examples: int, loss: float) -> None:
        """Moves on by `examples`; `epoch` counts from 0."""
        self._seen += examples
        now = time.monotonic()
        if now - self._said < SECONDS:
            return
        self._said = now
        rate = (self._seen - self._begun_with) / (now - self._began)
        pace = _pace(self._seen, self._total, rate, f"loss {loss:.4f}  ")
        print(f"epoch {epoch + 1}/{self.total_epochs}  {pace}", flush=True)

    def epoch_line(self, epoch: int, logs: Mapping[str, Any]) -> None:
        """Prints one line of results."""
        print(_epoch_line(epoch, self.total_epochs, logs), flush=True)

    def close(self) -> None:
        """Has nothing to take away."""


class Counting:
    """How much of something without epochs is done, for as long as its context lasts: a bar, or now and then a line.

    Args:
        total: examples of the whole.

    Example:
        >>> with Counting(10) as progress:
        ...     progress.advance(10)
    """

    def __init__(self, total: int):
        self._total, self._done = total, 0
        self._began = self._said = time.monotonic()
        self._bar: Any = None
        if sys.stderr.isatty() or in_notebook():
            self._bar = tqdm.tqdm(total=total, unit="ex", unit_scale=True, dynamic_ncols=True, leave=False)

    def __enter__(self) -> "Counting":
        return self

    def __exit__(self, *exception: Any) -> None:
        if self._bar is not None:
            self._bar.close()

    def advance(self, examples: int) -> None:
        """Moves on by `examples`."""
        self._done += examples
        now = time.monotonic()
        if self._bar is not None:
            self._bar.update(examples)
        elif now - self._said >= SECONDS:
            self._said = now
            print(_pace(self._done, self._total, self._done / (now - self._began)), flush=True)


def _pace(done, total, rate, between=""):
    left = tqdm.tqdm.format_interval(max(0, total - done) / rate)
    return f"{min(1, done / total):.0%} done, {left} left  {between}{rate:,.0f} ex/s"


def _epoch_line(epoch, total_epochs, logs):
    results = "  ".join(f"{name} {value:.4g}" for name, value in numbers(logs).items())
    return f"epoch {epoch + 1}/{total_epochs}  {results}"
