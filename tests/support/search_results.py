"""Made-up results of searches."""

import numpy as np
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from tf_tricks.search.results import TrialResult

STANDARD = '{"name": "standard", "flip": false, "pad": 2}'
SPACE = {
    "learning_rate.schedule.initial": FloatDistribution(1e-4, 1.0, log=True),
    "optimizer.momentum": FloatDistribution(0.5, 0.99),
    "batch_size": CategoricalDistribution([32, 64, 128]),
    "augment": CategoricalDistribution([None, "rand_augment", STANDARD]),
    "model.depth": IntDistribution(2, 20),
    "l2": FloatDistribution(1e-6, 1e-2, log=True),
    "optimizer.nesterov": CategoricalDistribution([True, False]),
    "learning_rate.warm_up_epochs": FloatDistribution(0.0, 5.0),
}
CHOICES = {
    "batch_size": [32, 64, 128],
    "augment": [None, "rand_augment", {"name": "standard", "flip": False, "pad": 2}],
    "optimizer.nesterov": [True, False],
}


def space(number=8):
    """The first so many parameters."""
    return dict(list(SPACE.items())[:number])


def drawn(rng, path):
    """A random value."""
    distribution = SPACE[path]
    if path in CHOICES:
        return CHOICES[path][rng.integers(len(CHOICES[path]))]
    if isinstance(distribution, IntDistribution):
        return int(rng.integers(distribution.low, distribution.high + 1))
    if distribution.log:
        return float(np.exp(rng.uniform(np.log(distribution.low), np.log(distribution.high))))
    return float(rng.uniform(distribution.low, distribution.high))


def accuracy(params):
    """It hangs on the learning rate most of all, a little on the batch size, and on nothing else."""
    distance = abs(np.log10(params["learning_rate.schedule.initial"]) + 1.3)
    return float(0.97 - 0.2 * distance - 0.01 * (params.get("batch_size") == 128))


def search(number=48, parameters=8, fine=0, value=accuracy, failures=True, seed=0):
    """Results of `number` trials, the last `fine` of which are of the second stage."""
    rng = np.random.default_rng(seed)
    results = []
    for i in range(number):
        stage = "fine" if i >= number - fine else "coarse"
        params = {path: drawn(rng, path) for path in space(parameters)}
        if stage == "fine":
            params["learning_rate.schedule.initial"] = float(10 ** rng.uniform(-1.8, -0.8))
        known = dict(number=i, stage=stage, seconds=1.5, folder=f"trials/{i:04}", params=params)
        outcome = "complete"
        if failures and i % 9 == 4:
            outcome = ["diverged", "failed", "out of memory", "pruned", "refused"][(i // 9) % 5]
        if outcome == "complete":
            values = tuple(value(params) + offset for offset in (-0.002, 0.0, 0.002))
            known |= dict(value=float(np.mean(values)), values=values, epochs=12.0 if stage == "fine" else 3.0)
        else:
            known |= dict(note=f"the loss of trial {i} is NaN <at> step 7 & later")
        results.append(TrialResult(outcome=outcome, **known))
    return results
