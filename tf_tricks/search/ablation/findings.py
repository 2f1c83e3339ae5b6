"""What an ablation has found of each trick, and how it is said."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from tf_tricks.search.ablation import effects
from tf_tricks.search.ablation.arms import BARE, FULL, Arm, only, without
from tf_tricks.search.ablation.effects import Effect
from tf_tricks.search.ablation.runner import RunResult
from tf_tricks.search.ablation.tricks import Trick


@dataclasses.dataclass(frozen=True)
class Finding:
    """What an ablation has found of a trick.

    Attributes:
        name: as the user has said it.
        setting: what is in the config with it, in short.
        own: whether the config that was given has it.
        removed: its effect beside the other tricks: all of them against all but it.
        added: its effect alone: it against none.
    """

    name: str
    setting: str
    own: bool
    removed: Effect
    added: Effect

    @property
    def verdict(self) -> str:
        """What both effects say together."""
        return effects.verdict_of(self.removed, self.added)

    @property
    def time_ratio(self) -> float | None:
        """Seconds an epoch with it over those without, the median over all pairs of runs; None if not known."""
        ratios = [*self.removed.time_ratios.values(), *self.added.time_ratios.values()]
        return float(np.median(ratios)) if ratios else None


def findings(
    tricks: Sequence[Trick],
    arms: Mapping[str, Arm],
    seeds: Sequence[int],
    results: Mapping[str, RunResult],
    direction: str,
) -> list[Finding]:
    """Returns what has been found of each trick, in their order.

    Args:
        tricks: those that are compared.
        arms: by name.
        seeds: of each arm's runs.
        results: by the runs' names.
        direction: "up" if a larger value is better, "down" if a smaller one is.
    """

    def of(name, field):
        return {seed: getattr(results[arms[name].run_of(seed)], field) for seed in seeds}

    def compared(one, other):
        values, seconds = (of(one, "value"), of(other, "value")), "seconds_per_epoch"
        return effects.effect(*values, direction, of(one, seconds), of(other, seconds))

    return [
        Finding(
            name=trick.name,
            setting=trick.setting,
            own=trick.own,
            removed=compared(FULL, without(trick)),
            added=compared(only(trick), BARE),
        )
        for trick in tricks
    ]


def unit_of(metric: str) -> tuple[str, float]:
    """Returns in what the differences of a metric are said, and how many of it a difference of 1 is.

    Example:
        >>> unit_of("val_accuracy"), unit_of("val_loss")
        (('pp', 100.0), ('', 1.0))
    """
    return ("pp", 100.0) if "accuracy" in metric else ("", 1.0)


def difference_text(effect: Effect, metric: str) -> str:
    """Returns an effect in short: its mean and its interval.

    Example:
        >>> found = effects.effect({0: 0.91, 1: 0.92}, {0: 0.9, 1: 0.9}, "up", {}, {})
        >>> difference_text(found, "val_accuracy")
        '+1.5 pp [-4.9, 7.9]'
    """
    if effect.mean is None:
        return "no pair of runs"
    unit, factor = unit_of(metric)
    numbers = [factor * number for number in (effect.mean, *(effect.interval or ()))]
    digits = ".3g" if not unit else ".1f" if max(map(abs, numbers)) >= 1 or not any(numbers) else ".2f"
    mean, *ends = (format(number, digits) for number in numbers)
    mean, *ends = (text.lstrip("-") if float(text) == 0 else text for text in (mean, *ends))
    text = f"{'+' if float(mean) > 0 else ''}{mean} {unit}".strip()
    return f"{text} [{', '.join(ends)}]" if ends else f"{text} (one pair)"


def time_text(ratio: float | None) -> str:
    """Returns how much longer an epoch takes with a trick.

    Example:
        >>> time_text(1.124), time_text(None)
        ('×1.12', '')
    """
    return "" if ratio is None else f"×{ratio:.2f}"


def sentence(finding: Finding, metric: str) -> str:
    """Returns what an ablation says of a trick, from its verdict on."""
    both = (
        f"{difference_text(finding.removed, metric)} beside the others, {difference_text(finding.added, metric)} alone"
    )
    return "; ".join([f"{finding.verdict}: {both}", *notes(finding)])


def notes(finding: Finding) -> list[str]:
    """Returns a sentence for each of its two effects that lacks pairs, or whose interval says more than it knows."""
    effects_of = ((finding.removed, "beside the others"), (finding.added, "alone"))
    return [note for effect, where in effects_of for note in (*_bad_runs(effect, where), *_equal(effect, where))]


def _equal(effect, where):
    if effect.interval is None or effect.interval[0] < effect.interval[1]:
        return []
    return [f"{where}, all {len(effect.differences)} differences are equal, which gives an interval of no width"]


def _bad_runs(effect, where):
    """What there is to say of pairs that are left out."""
    if not effect.left_out:
        return []
    number = len(effect.left_out) + len(effect.differences)
    parts = [(effect.with_bad, "with it"), (effect.without_bad, "without it")]
    bad = " and ".join(f"{count} of {number} runs {which}" for count, which in parts if count)
    seeds = ", ".join(map(str, effect.left_out))
    return [f"{where}, {bad} have no value, so that the pairs of seed {seeds} are left out"]
