"""A lab: one claim, the experiment on it, and the rule by which it is judged."""

import abc
from typing import Any

from tf_tricks.labs.bench.bench import Bench
from tf_tricks.labs.bench.verdict import Verdict


class Lab(abc.ABC):
    """One claim of the lecture as an experiment that can come out otherwise.

    A subclass says what it is about in its attributes, and has three methods: `measure` runs the experiment and returns
    its results as plain values, `judge` makes a `Verdict` of them, by thresholds that stand in its file, and `draw`
    draws them. `judge` and `draw` get nothing else, so that a test can feed them results of its own.

    Attributes:
        claim: what the lecture claims, in a sentence.
        erratum: what the lecture has wrong, in a sentence, of which the results show the measurement; empty if nothing.
        paper: where the claim comes from.
        dataset: what it takes by default, a name as of `tf_tricks.data.get`; None for a lab that makes its own data.
        seeds: how many there are, by budget.
        deterministic: whether TensorFlow is to use deterministic operations, of which some have no form for TPUs.
    """

    claim: str
    erratum: str = ""
    paper: str = ""
    dataset: str | None = None
    seeds: dict[str, int] = {"quick": 1, "full": 1}
    deterministic: bool = True

    @abc.abstractmethod
    def measure(self, bench: Bench) -> dict[str, Any]:
        """Runs the experiment; returns what `judge` and `draw` need, as JSON can hold it."""

    @abc.abstractmethod
    def judge(self, found: dict[str, Any]) -> Verdict:
        """Returns the verdict on what `measure` has found."""

    @abc.abstractmethod
    def draw(self, found: dict[str, Any]) -> Any:
        """Returns the plot, a figure of `reports.figure.new`."""
