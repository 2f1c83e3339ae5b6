"""Is the learning rate right: a range test, and short runs at the given rate and at rates ten times away from it.

The range test of Smith 2017, arXiv:1506.01186, shows where the loss falls and where it blows up. The verdict comes from
runs at constant rates, each from the first state, since a rate that grows says little about a rate that stays.
"""

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from tf_tricks.doctor import reference_losses
from tf_tricks.doctor.finding import Checked, Finding
from tf_tricks.doctor.patient import Patient
from tf_tricks.doctor.short_runs import ShortRuns, level, number_of_updates, rates_of, tail

_DECADES = 4  # of the range test, on either side of the given rate
_RANGE_UPDATES = 80
_MOST, _LEAST = 100, 50  # updates of a short run
_NOISY = 16  # examples: smaller batches get more updates
_SECONDS = 10.0  # for a short run of more than the least
_LONGER = 4  # times the updates for a rate that has failed in a short run: large rates begin with a setback
_FAR_BELOW = 0.35  # of what a rate learns that is ten times away
_BELOW, _NEARLY = 0.5, 0.8
_TIMES = 3.0  # the loss of a smaller rate
_WHY = "Smith 2017, arXiv:1506.01186, section 3.3; Bengio 2012, arXiv:1206.5533, section 3.1"


@dataclasses.dataclass(frozen=True)
class LearningRates:
    """What the check has measured.

    Attributes:
        given: the largest rate of the run's schedule.
        updates: of each short run.
        run_updates: of the run that is asked for.
        reference: the loss of a model that has learned nothing yet.
        range_rates: of the range test.
        range_losses: likewise.
        rates: of the short runs, in rising order.
        levels: the loss at the end of each of them; infinite where it has diverged.
        learns: whether the given rate is as good as any that was tried, or nearly so.
    """

    given: float
    updates: int
    run_updates: int
    reference: float
    range_rates: np.ndarray
    range_losses: np.ndarray
    rates: np.ndarray
    levels: np.ndarray
    learns: bool

    @property
    def best(self) -> float:
        """The rate of the short run that came furthest."""
        return float(self.rates[int(np.argmin(self.levels))])


def check(patient: Patient, progress: Callable[[str], None]) -> Checked:
    """Judges the largest learning rate of the schedule, with the run's optimizer and clipping.

    Args:
        patient: `Patient`.
        progress: function of a line that says what is being done.
    """
    run = _Run.of(patient)
    if run.given == 0:
        return Checked([_zero(run)])
    progress(f"learning rate: a range test, and short runs around {run.given:.3g}")
    try:
        return _Judgement(patient, run).checked()
    finally:
        patient.restore()


@dataclasses.dataclass(frozen=True)
class _Run:
    """The run that is asked for: its largest rate, its number of updates, and how the rate begins."""

    given: float
    updates: int
    mean: float  # of the rates, as a share of the largest
    warms_up: bool

    @classmethod
    def of(cls, patient):
        updates = number_of_updates(patient)
        rates = rates_of(patient, min(updates, 2000))
        largest = float(rates.max())
        mean = float(rates.mean() / largest) if largest else 0.0
        return cls(largest, updates, mean, bool(rates[0] < largest / 3))

    def rates(self, factor, updates):
        """Of a short run: the given rate times the factor, reached slowly where the run warms up."""
        shape = np.ones(updates)
        if self.warms_up:
            shape = np.minimum(1.0, np.arange(1, updates + 1) / (updates / 2))
        return self.given * factor * shape


class _Judgement:
    """The measurements, one after the other as they are needed."""

    def __init__(self, patient, run):
        self.run, self.runs = run, ShortRuns(patient)
        seconds = self.runs.warm_up()
        fitting = int(_SECONDS / max(seconds, 1e-9)) // 10 * 10
        most = _MOST * max(1, _NOISY // self.runs.batch_size)
        self.updates = max(10, min(run.updates, most, max(_LEAST, fitting)))
        self.range_rates, self.range_losses = self._range_test()
        start = float(self.runs.run(np.full(8, 1e-9 * run.given)).mean())
        inputs, labels, _ = patient.batch(1024, augmented=True)
        self.constant = _constant_loss(patient, inputs, labels)
        self.start = start
        self.curves: dict[float, np.ndarray] = {}

    def checked(self):
        for factor in (1.0, 0.1, 10.0):
            self._try(factor)
        found = self._too_high() or self._too_low()
        rates = sorted(self.curves)
        measured = LearningRates(
            given=self.run.given,
            updates=self.updates,
            run_updates=self.run.updates,
            reference=self._reference(),
            range_rates=self.range_rates,
            range_losses=self.range_losses,
            rates=np.array([factor * self.run.given for factor in rates]),
            levels=np.array([level(self.curves[factor]) for factor in rates]),
            learns=self._learns(),
        )
        return Checked([found] if found else [], measured)

    def _range_test(self):
        number = min(_RANGE_UPDATES, 2 * self.updates)
        rates = self.run.given * 10 ** np.linspace(-_DECADES, _DECADES, number)
        losses = self.runs.run(rates)
        return rates[: len(losses)], losses

    def _try(self, factor):
        if factor not in self.curves:
            self.curves[factor] = self.runs.run(self.run.rates(factor, self.updates))
        return self.learned(factor)

    def _reference(self):
        """The loss that a model has which has learned nothing but what the labels are by themselves."""
        least = min((level(curve) for curve in self.curves.values()), default=math.inf)
        return self.start if least > self.constant else min(self.start, self.constant)

    def learned(self, factor):
        """How far below the reference the loss came; minus infinity where it has diverged."""
        return self._reference() - level(self.curves[factor])

    def _noise(self, factor):
        """Of `learned`, three standard errors."""
        losses = tail(self.curves[factor])
        return 3 * float(np.std(losses)) / math.sqrt(len(losses))

    def _is_learning(self, factor):
        """Whether a short run has learned something that can be told from noise."""
        learned = self.learned(factor)
        return learned > 0.05 * abs(self._reference()) and learned > self._noise(factor)

    def _learns(self):
        best = max(self.learned(factor) for factor in self.curves)
        return best > 0.05 * abs(self._reference()) and self._after_run() >= _BELOW * best

    def _too_high(self):
        for factor in (0.1, 0.01, 1e-3, 1e-4, 1e-5, 1e-6):
            learned = self._try(factor)
            known = learned <= self._try(10 * factor) or (factor <= 1e-3 and self._is_learning(factor))
            if math.isfinite(learned) and known:
                break  # smaller is no better, or no matter
        better = max((f for f in self.curves if f < 1), key=self.learned)
        if not self._is_learning(better) or not self._confidence_high(self.curves[1.0], self.curves[better], better):
            return None
        given, others = self._longer(1.0), self._longer(better)
        confidence = self._confidence_high(given, others, better)
        return self._high(given, others, better, confidence) if confidence else None

    def _longer(self, factor):
        """A run of more updates, which begins anew: what is wrong in a short one may only be a setback."""
        updates = min(_LONGER * self.updates, self.run.updates)
        if updates <= self.updates or not np.isfinite(self.curves[factor]).all():
            return self.curves[factor]
        return self.runs.run(self.run.rates(factor, updates))

    def _confidence_high(self, given, others, factor):
        """How sure it is that the given rate is too high, as a smaller one by `factor` came further; 0 if it is not."""
        reference, far = self._reference(), factor < 0.05
        if not np.isfinite(given).all():
            return 0.95
        share = (reference - level(given)) / max(reference - level(others), 1e-30)
        if share < _BELOW:
            return 0.9 if share < 0.05 else 0.75 if share < 0.2 else 0.6 if far else 0.5
        times = level(given) / max(level(others), 1e-30)
        if level(given) < 0.05 * reference or times < _TIMES:
            return 0.0
        return 0.6 if times > 10 else 0.5 if far else 0.3

    def _high(self, given, others, better, confidence):
        rate = self.run.given
        if np.isfinite(given).all():
            what = f"at {rate:.3g} the loss is {level(given):.3g} after {len(given)} updates"
        else:
            what = f"at {rate:.3g} the loss is no longer finite after {len(given)} updates"
        return Finding(
            "learning_rate_too_high",
            f"{what}, at {rate * better:.3g} it is {level(others):.3g} after {len(others)} "
            f"(a model that has learned nothing has {self._reference():.3g})",
            "Above a rate of about 2 over the largest curvature, updates overshoot and the loss grows in place of "
            f"falling ({_WHY}).",
            _change(self._largest_good()),
            confidence,
        )

    def _too_low(self):
        factor = 10.0
        while factor < 10.0**_DECADES and self._goes_up(factor):
            factor *= 10
            self._try(factor)
        better = max((f for f in self.curves if f > 1), key=self.learned)
        if not self._is_learning(better) or (better < 50 and self._after_run() >= _NEARLY * self.learned(better)):
            return None
        others = self._longer(better)
        share = self._after_run() / (self._reference() - level(others))
        if share >= _BELOW:
            return None
        far = better > 50
        confidence = 0.9 if share < 0.1 else 0.75 if far and share < _FAR_BELOW else 0.5 if far or share < 0.2 else 0.2
        rate, reference = self.run.given, self._reference()
        return Finding(
            "learning_rate_too_low",
            f"at {rate:.3g} the loss falls from {reference:.3g} to {level(self.curves[1.0]):.3g} in {self.updates} "
            f"updates, and would come to about {reference - self._after_run():.3g} in the {self.run.updates} of the "
            f"run; at {rate * better:.3g} it falls to {level(others):.3g} in {len(others)}",
            f"The weights can move no further than the sum of the rates lets them, and these move too little ({_WHY}).",
            _change(self._largest_good()),
            confidence,
        )

    def _goes_up(self, factor):
        """Whether a rate above this one may be better still."""
        if self.learned(factor) > self.learned(factor / 10) + self._noise(factor):
            return True
        fell_most = self.range_rates[int(np.argmin(_smoothed(self.range_losses)))]
        return factor * self.run.given < fell_most / 3 or not any(map(self._is_learning, self.curves))

    def _after_run(self):
        """What the whole run would learn, by the rule that small rates come as far as their sum, and no less."""
        total = self.run.mean * self.run.updates
        short = float(self.run.rates(1.0, self.updates).sum()) / self.run.given
        times = max(1.0, total / short)
        factors = sorted(f for f in self.curves if f >= 1 and math.isfinite(self.learned(f)))
        if not factors:
            return -math.inf
        learned = np.maximum.accumulate([self.learned(factor) for factor in factors])
        return float(np.interp(math.log(times), np.log(factors), learned))

    def _largest_good(self):
        """A rate to try: the largest of those that have come nearly as far as the best."""
        best = max(self.learned(factor) for factor in self.curves)
        return self.run.given * max(f for f in self.curves if self.learned(f) >= 0.8 * best)


def _smoothed(losses):
    """The mean of five losses each; of those that are not finite nothing remains."""
    finite = losses[np.isfinite(losses)]
    padded = np.pad(finite, 2, mode="edge")
    return np.convolve(padded, np.full(5, 0.2), mode="valid")


def _constant_loss(patient, inputs, labels):
    try:
        outputs = np.asarray(patient.trainer.model(inputs, training=False))
        return reference_losses.constant_loss(patient.trainer, labels, outputs)
    except (TypeError, ValueError):  # outputs of another kind than arrays
        return math.inf


def _zero(run: Any) -> Finding:
    return Finding(
        "learning_rate_too_low",
        f"the learning rate is 0 in all of the {run.updates} updates",
        "With a rate of 0 no weight moves.",
        _change(0.1),
        0.95,
    )


def _change(rate: float) -> str:
    return f"config.learning_rate = {rate:.2g}, or a schedule whose largest rate is that; tt.Trainer(learning_rate=…)"
