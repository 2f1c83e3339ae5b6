"""What a trick does to a metric: differences between runs of the same seed, their mean, and how sure it is."""

import dataclasses
import math
from collections.abc import Mapping, Sequence

import numpy as np
from scipy import stats

LEVEL = 0.95
_RESOLUTION = 2.0**-21  # of a metric, which is a float32: up to which two values are one
PAYS, HURTS, MIXED, NOTHING, UNKNOWN = "pays", "hurts", "depends", "no difference seen", "not known"


@dataclasses.dataclass(frozen=True)
class Effect:
    """What a trick does in one company: beside the other tricks, or alone.

    Attributes:
        differences: dict of seed to how much better the run with it was than the one without; above 0 is better,
            whichever way the metric goes.
        left_out: dict of seed to why there is no such difference.
        with_bad: of how many of the runs with the trick there is no value.
        without_bad: of how many of the runs without it.
        mean: of the differences; None where there are none.
        interval: the two ends of the mean's 95 % interval; None of fewer than two differences.
        time_ratios: dict of seed to the seconds of an epoch with the trick over those without, where they are known.
    """

    differences: Mapping[int, float]
    left_out: Mapping[int, str]
    with_bad: int
    without_bad: int
    mean: float | None
    interval: tuple[float, float] | None
    time_ratios: Mapping[int, float]

    @property
    def verdict(self) -> str:
        """`PAYS`, `HURTS`, `NOTHING` or `UNKNOWN`."""
        if self.interval is not None:
            low, high = self.interval
            return PAYS if low > 0 else HURTS if high < 0 else NOTHING
        if not self.differences and self.with_bad != self.without_bad:
            return PAYS if self.with_bad < self.without_bad else HURTS
        return UNKNOWN


def interval_of(differences: Sequence[float], resolution: float = 0.0) -> tuple[float, float] | None:
    """Returns the 95 % interval of the mean of paired differences by Student's t; None of fewer than two.

    mean ± t · s/√n, where t is the 97.5 % quantile for n − 1 degrees of freedom and s the standard deviation with
    n − 1. Equal differences have an interval of no width.

    Args:
        differences: between the runs of each pair.
        resolution: up to which two differences are equal.

    Example:
        >>> low, high = interval_of([1.0, 2.0, 3.0])  # 2 ± 4.3027 · 1/√3
        >>> round(low, 3), round(high, 3)
        (-0.484, 4.484)
        >>> interval_of([0.5, 0.5]), interval_of([0.5])
        ((0.5, 0.5), None)
    """
    number = len(differences)
    if number < 2:
        return None
    mean = float(np.mean(differences))
    if max(differences) - min(differences) <= resolution:
        return float(np.median(differences)), float(np.median(differences))
    half = float(stats.t.ppf((1 + LEVEL) / 2, number - 1)) * float(np.std(differences, ddof=1)) / math.sqrt(number)
    return mean - half, mean + half


def effect(
    with_it: Mapping[int, float | None],
    without_it: Mapping[int, float | None],
    direction: str,
    seconds_with: Mapping[int, float | None],
    seconds_without: Mapping[int, float | None],
) -> Effect:
    """Returns what a trick does, from the runs with it and without it.

    Args:
        with_it: dict of seed to the metric with it; None of a run that has none, as it diverged.
        without_it: the same without it.
        direction: "up" if a larger value is better, "down" if a smaller one is.
        seconds_with: dict of seed to the seconds of an epoch with it; None where they are not known.
        seconds_without: the same without it.

    Example:
        >>> found = effect({0: 0.9, 1: 0.8, 2: None}, {0: 0.8, 1: 0.7, 2: 0.8}, "up", {0: 3.0}, {0: 2.0})
        >>> round(found.mean, 6), found.left_out, found.time_ratios
        (0.1, {2: 'the run with it has no value'}, {0: 1.5})
    """
    sign = {"up": 1.0, "down": -1.0}[direction]
    differences, left_out = {}, {}
    for seed, value in with_it.items():
        other = without_it[seed]
        if value is None or other is None:
            which = "the run with it has" if other is not None else "the run without it has"
            left_out[seed] = f"{'both runs have' if value is other else which} no value"
        else:
            difference = sign * (value - other)
            differences[seed] = difference if abs(difference) > _RESOLUTION * max(abs(value), abs(other)) else 0.0
    values = list(differences.values())
    largest = max((abs(v) for v in (*with_it.values(), *without_it.values()) if v is not None), default=0.0)
    interval = interval_of(values, _RESOLUTION * largest)
    return Effect(
        differences=differences,
        left_out=left_out,
        with_bad=sum(value is None for value in with_it.values()),
        without_bad=sum(value is None for value in without_it.values()),
        mean=None if not values else interval[0] if interval and interval[0] == interval[1] else float(np.mean(values)),
        interval=interval,
        time_ratios=_ratios(seconds_with, seconds_without),
    )


def verdict_of(removed: Effect, added: Effect) -> str:
    """Returns what both effects say together: `PAYS`, `HURTS`, `MIXED`, `NOTHING` or `UNKNOWN`.

    An effect that is not seen does not contradict one that is; two that are seen must agree.

    Args:
        removed: what is lost when it is removed from all tricks.
        added: what is gained when it is added to none.
    """
    verdicts = {removed.verdict, added.verdict}
    if {PAYS, HURTS} <= verdicts:
        return MIXED
    return next(verdict for verdict in (PAYS, HURTS, NOTHING, UNKNOWN) if verdict in verdicts)


def _ratios(seconds_with, seconds_without):
    return {
        seed: seconds / seconds_without[seed]
        for seed, seconds in seconds_with.items()
        if seconds and seconds_without.get(seed)
    }
