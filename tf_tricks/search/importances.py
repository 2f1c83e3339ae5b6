"""How much of the differences between trials each parameter makes: fANOVA (Hutter et al. 2014), by Optuna."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tf_tricks.search.labels import index_of
from tf_tricks.search.results import STAGES, TrialResult

FORESTS = 10
MIN_TRIALS = 4
_TREES, _DEPTH = 16, 8  # of a forest: Optuna's default of 64 trees of any depth takes a minute for 300 trials


@dataclass(frozen=True)
class Importances:
    """What fANOVA finds.

    Attributes:
        of: dict of path to an array of the importances by each forest, the most important first; each forest's add up
            to 1. Empty if there is nothing to find.
        stage: whose trials they are of.
        trials: how many those are.
        reason: why there is nothing to find, a sentence; or "".
    """

    of: Mapping[str, np.ndarray]
    stage: str
    trials: int
    reason: str = ""

    @property
    def means(self) -> dict[str, float]:
        """The mean over the forests by path, the largest first."""
        return {path: float(values.mean()) for path, values in self.of.items()}


def widest_stage(results: Sequence[TrialResult]) -> str:
    """Returns the first stage with enough complete trials to compare, which has the widest space; else the fullest.

    Example:
        >>> widest_stage([TrialResult(n, "fine", "complete", value=0.5) for n in range(4)])
        'fine'
    """
    numbers = {stage: sum(r.compared and r.stage == stage for r in results) for stage in STAGES}
    enough = [stage for stage, number in numbers.items() if number >= MIN_TRIALS]
    return enough[0] if enough else max(STAGES, key=lambda stage: numbers[stage])


def importances(results: Sequence[TrialResult], space: Mapping[str, Any], direction: str) -> Importances:
    """Returns the importances of the parameters, by several random forests that differ in their seed.

    They are of the complete trials of one stage, since those of another are trained for other epochs. A range that is
    searched on a logarithmic scale counts on that scale.

    Args:
        results: of all trials.
        space: dict of config path to Optuna's distribution.
        direction: "up" or "down".

    Example:
        >>> from optuna.distributions import FloatDistribution
        >>> trials = [TrialResult(n, "coarse", "complete", value=0.5, params={"l2": n / 4}) for n in range(4)]
        >>> importances(trials, {"l2": FloatDistribution(0, 1)}, "up").reason
        'all 4 complete trials have the same value, so that no parameter makes a difference.'
    """
    stage = widest_stage(results)
    there = [r for r in results if r.compared and r.stage == stage and all(path in r.params for path in space)]
    reason = _reason_for_none(there)
    if reason:
        return Importances({}, stage, len(there), reason)
    study = _study(there, space, direction)
    found = [_by_forest(study, seed) for seed in range(FORESTS)]
    of = {path: np.array([values[path] for values in found]) for path in space}
    order = sorted(of, key=lambda path: -of[path].mean())
    return Importances({path: of[path] for path in order}, stage, len(there))


def _reason_for_none(trials):
    if len(trials) < MIN_TRIALS:
        number = {0: "no trial is", 1: "only one trial is"}.get(len(trials), f"only {len(trials)} trials are")
        return f"{number} complete; the importance of parameters can be told from {MIN_TRIALS}."
    if len({trial.value for trial in trials}) == 1:
        return f"all {len(trials)} complete trials have the same value, so that no parameter makes a difference."
    return ""


def _by_forest(study, seed):
    from optuna.importance import FanovaImportanceEvaluator, get_param_importances

    evaluator = FanovaImportanceEvaluator(n_trees=_TREES, max_depth=_DEPTH, seed=seed)
    return get_param_importances(study, evaluator=evaluator)


def _study(trials, space, direction):
    """A study in memory of these trials; a logarithmic range is one of logarithms, for fANOVA knows none."""
    import optuna

    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)  # or it says that there is a study in memory
    try:
        study = optuna.create_study(direction={"up": "maximize", "down": "minimize"}[direction])
    finally:
        optuna.logging.set_verbosity(verbosity)
    distributions = {path: _of_fanova(distribution) for path, distribution in space.items()}
    for trial in trials:
        params = {path: _for_fanova(trial.params[path], distribution) for path, distribution in space.items()}
        study.add_trial(optuna.create_trial(value=trial.value, params=params, distributions=distributions))
    return study


def _of_fanova(distribution):
    from optuna.distributions import CategoricalDistribution, FloatDistribution

    if isinstance(distribution, CategoricalDistribution):
        return CategoricalDistribution(range(len(distribution.choices)))
    margin = 1e-9 * max(1.0, abs(distribution.low), abs(distribution.high))  # of rounding
    low, high = (_for_fanova(bound, distribution) for bound in (distribution.low, distribution.high))
    return FloatDistribution(low - margin, high + margin)


def _for_fanova(value, distribution):
    from optuna.distributions import CategoricalDistribution

    if isinstance(distribution, CategoricalDistribution):
        return index_of(value, distribution.choices)
    return math.log10(value) if distribution.log else float(value)
