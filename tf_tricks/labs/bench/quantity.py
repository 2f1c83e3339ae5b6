"""What a lab has measured: a value, how sure it is, and whether it is what the claim says."""

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy import stats

LEVEL = 0.95
"""Of all intervals."""


class Estimate(NamedTuple):
    """A number with an interval of its own, such as `bootstrapped` gives.

    Attributes:
        value: the number.
        low: the lower end of its 95 % interval.
        high: the upper end.
        seeds: how many seeds it comes from.
    """

    value: float
    low: float
    high: float
    seeds: int


Measured = float | Sequence[float] | Estimate
"""A number; one for each seed, whose mean counts; or an `Estimate`."""


@dataclasses.dataclass(frozen=True)
class Quantity:
    """A measured number beside its threshold.

    Attributes:
        value: what was measured.
        threshold: what it is compared with; None for one that is only reported.
        holds: whether it is as the claim says; None for one that is only reported.
        relation: how it is compared, as it is read: `"at least"`, `"at most"`, `"within 0.01 of"`.
        low: the lower end of its 95 % interval, or None.
        high: the upper end, or None.
        seeds: how many seeds it comes from.
        control: the same quantity where the claim must fail, or None.
    """

    value: float
    threshold: float | None = None
    holds: bool | None = None
    relation: str = ""
    low: float | None = None
    high: float | None = None
    seeds: int = 1
    control: float | None = None

    def __str__(self) -> str:
        """The number with its interval and its threshold, `0.02 [0.01, 0.03], at least 0.01: yes`."""
        text = f"{self.value:.4g}"
        if self.low is not None and self.high is not None:
            text += f" [{self.low:.4g}, {self.high:.4g}]"
        if self.threshold is None:
            return text
        return f"{text}, {self.relation} {self.threshold:.4g}: {'yes' if self.holds else 'no'}"

    def plain(self) -> dict[str, Any]:
        """Returns what JSON can hold; a number that is not finite is a text."""
        return {name: _plain(value) for name, value in dataclasses.asdict(self).items()}


def reported(values: Measured, control: float | None = None) -> Quantity:
    """Returns what was measured and has no threshold.

    Example:
        >>> reported(3.0).holds is None
        True
    """
    return Quantity(**_measured(values), control=control)


def at_least(values: Measured, threshold: float, above: float | None = None, control: float | None = None) -> Quantity:
    """Returns what was measured and must be at least `threshold`.

    Args:
        values: what was measured: of a claim about a difference, the paired differences.
        threshold: the least value.
        above: what the whole interval must lie above, too; None asks nothing of it.
        control: the quantity where the claim must fail.

    Example:
        >>> at_least([0.02, 0.03, 0.025], 0.01, above=0.0).holds
        True
        >>> at_least([0.02, 0.30, -0.20], 0.01, above=0.0).holds
        False
        >>> at_least(float("nan"), 0.0).holds
        False
    """
    found = _measured(values)
    sure = above is None or (found["low"] is not None and found["low"] > above)
    return Quantity(
        **found, threshold=threshold, holds=bool(found["value"] >= threshold and sure), relation="at least",
        control=control,
    )  # fmt: skip


def at_most(values: Measured, threshold: float, below: float | None = None, control: float | None = None) -> Quantity:
    """Returns what was measured and must be at most `threshold`.

    Args:
        values: as for `at_least`.
        threshold: the largest value.
        below: what the whole interval must lie below, too; None asks nothing of it.
        control: the quantity where the claim must fail.

    Example:
        >>> at_most(0.6, 0.65).holds, at_most([1.0, 2.0], 1.0).holds
        (True, False)
    """
    found = _measured(values)
    sure = below is None or (found["high"] is not None and found["high"] < below)
    return Quantity(
        **found, threshold=threshold, holds=bool(found["value"] <= threshold and sure), relation="at most",
        control=control,
    )  # fmt: skip


def within(values: Measured, target: float, tolerance: float, control: float | None = None) -> Quantity:
    """Returns what was measured and must be `target` up to `tolerance`, an absolute difference.

    Example:
        >>> within(1.02, 1.0, 0.1).relation
        'within 0.1 of'
    """
    found = _measured(values)
    holds = bool(abs(found["value"] - target) <= tolerance)
    relation = f"within {tolerance:.3g} of"
    return Quantity(**found, threshold=target, holds=holds, relation=relation, control=control)


def equivalent(differences: Sequence[float], margin: float, control: float | None = None) -> Quantity:
    """Returns the mean of paired differences, which two one-sided t-tests must place within ±`margin`.

    Both hypotheses, that the true mean is at most −margin and that it is at least +margin, must be rejected at 5 %
    (Schuirmann 1987): that no difference is *seen* is not enough. The interval given is the usual 95 % one.

    Args:
        differences: one for each seed, at least two.
        margin: above 0, in the units of the differences.
        control: the mean difference where the claim must fail.

    Example:
        >>> equivalent([0.001, -0.002, 0.0, 0.001], margin=0.005).holds
        True
        >>> equivalent([0.001, -0.02, 0.018, 0.001], margin=0.005).holds  # nothing is seen, and nothing known
        False
    """
    found = _measured(differences)
    if np.ptp(differences) == 0:
        largest = 0.0 if abs(found["value"]) < margin else 1.0
    else:
        lower = stats.ttest_1samp(differences, -margin, alternative="greater").pvalue
        upper = stats.ttest_1samp(differences, margin, alternative="less").pvalue
        largest = max(float(lower), float(upper))
    return Quantity(**found, threshold=margin, holds=largest < 1 - LEVEL, relation="within ±", control=control)


def interval(values: Sequence[float]) -> tuple[float, float] | tuple[None, None]:
    """Returns the 95 % interval of a mean by Student's t, or (None, None) of fewer than two values.

    Example:
        >>> low, high = interval([1.0, 2.0, 3.0])
        >>> round(low, 3), round(high, 3)
        (-0.484, 4.484)
    """
    if len(values) < 2 or not np.all(np.isfinite(values)):
        return None, None
    mean, error = float(np.mean(values)), float(stats.sem(values))
    if error == 0:
        return mean, mean
    low, high = stats.t.interval(LEVEL, len(values) - 1, mean, error)
    return float(low), float(high)


def bootstrapped(samples: Sequence[float], statistic: Callable[..., Any] = np.mean, seed: int = 0) -> Estimate:
    """Returns a statistic of samples with its 95 % bootstrap interval (BCa; Efron 1987).

    Args:
        samples: at least two.
        statistic: of an array, with the argument `axis`.
        seed: of the resampling.

    Example:
        >>> estimate = bootstrapped([1.0, 2.0, 3.0, 4.0])
        >>> estimate.value, estimate.low < 2.5 < estimate.high
        (2.5, True)
    """
    found = stats.bootstrap((np.asarray(samples),), statistic, rng=np.random.default_rng(seed)).confidence_interval
    return Estimate(float(statistic(np.asarray(samples), axis=0)), float(found.low), float(found.high), len(samples))


def _measured(values):
    if isinstance(values, Estimate):
        return values._asdict()
    if np.ndim(values) == 0:
        return {"value": float(values), "low": None, "high": None, "seeds": 1}
    low, high = interval(values)
    return {"value": float(np.mean(values)), "low": low, "high": high, "seeds": len(values)}


def _plain(value):
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
