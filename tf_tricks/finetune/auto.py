"""How many blocks to train: chosen by a cross-validation of the training examples."""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from sklearn.model_selection import RepeatedKFold, RepeatedStratifiedKFold

from tf_tricks.blocks import blocks_of
from tf_tricks.data import Stream
from tf_tricks.errors import RequestError
from tf_tricks.finetune.folds import Rows
from tf_tricks.search.kept_trainers import KeptTrainers
from tf_tricks.training.class_weights import labels_of_classes

_LEAST_UPDATES = 100
"""In each training; the run's own number where that is smaller."""
_MANY = 30
"""Examples of the smallest class from which on two thirds of them are enough to train on."""
_MOST_REPEATS = 3
_VALIDATED = 100
"""Examples of the smallest class that are validated, all folds together, if the most repeats are enough for it."""


class Tried(NamedTuple):
    """A number of blocks and how it did.

    Attributes:
        blocks: how many of the last ones were trained.
        scores: of each fold, higher is better.
    """

    blocks: int
    scores: tuple[float, ...]


class Choice(NamedTuple):
    """What `choose` has found.

    Attributes:
        blocks: how many of the last blocks to train.
        tried: a `Tried` for each number that was looked at.
        metric: of the scores.
    """

    blocks: int
    tried: tuple[Tried, ...]
    metric: str

    def table(self) -> str:
        """Returns what was tried, a line each, the choice marked."""
        lines = [f"trained blocks, by cross-validation in {len(self.tried[0].scores)} folds: {self.metric}"]
        for one in self.tried:
            mean, error = np.mean(one.scores), _standard_error(one.scores)
            lines.append(
                f"  {one.blocks:>3}  {mean:.4f} ± {error:.4f}{'  <- taken' if one.blocks == self.blocks else ''}"
            )
        return "\n".join(lines)


def choose(config: Mapping[str, Any], strategy: Any, budget: float, tell: Callable[[str], None]) -> Choice:
    """Returns how many blocks to train: those of the best mean score, the fewest of equal ones.

    Trained are the head alone, 1, 2, 4, … blocks, and all of them, each in every fold of the training examples. With
    few examples, where a fold tells little, there are more folds. (The one-standard-error rule, which takes the fewest
    that are not clearly worse, freezes too much here: with two examples of each class hardly anything is clear.)

    Args:
        config: a resolved config whose `trained_blocks` are to be chosen.
        strategy: a `tf.distribute.Strategy`.
        budget: what all of it may cost, in times of the run itself; but each training has 100 updates, or as many as
            the run.
        tell: function of a line to print.

    Raises:
        RequestError: there are too few examples, or the config cannot be trained.
    """
    trainers = KeptTrainers(strategy)
    trainer, stream, _ = trainers.get(dict(config) | {"trained_blocks": 0})
    candidates = _candidates(len(blocks_of(trainer.model)) - 1)
    folds = list(_folds(stream.source, config["seed"]))
    epochs = _epochs(config, folds, len(candidates), budget)
    tell(f"choosing from {', '.join(map(str, candidates))} blocks: {len(folds)} folds, {epochs:.3g} epochs each")
    tried = []
    size = {"batch_size": min(config["batch_size"], len(folds[0][0]))} if type(config["batch_size"]) is int else {}
    for blocks in candidates:
        own = dict(config) | size | {"trained_blocks": blocks, "epochs": epochs}
        scores, metric = _scores(trainers, own, folds)
        tried.append(Tried(blocks, scores))
        tell(f"  {blocks} blocks: {metric} {np.mean(scores):.4f}")
    return Choice(_best(tried), tuple(tried), metric)


def _candidates(total):
    """0, 1, 2, 4, … and all."""
    numbers = [0, *(2**i for i in range(total.bit_length()) if 2**i < total), total]
    return sorted(set(numbers))


def _folds(source, seed) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Pairs of the rows that are trained on, as many in each fold, and those that are validated."""
    labels = labels_of_classes(source)
    number = source.num_examples
    if labels is None:
        splits, smallest = _splits(number), number
        folds = RepeatedKFold(n_splits=splits, n_repeats=_repeats(smallest), random_state=seed).split(np.zeros(number))
    else:
        classes = labels.argmax(axis=1) if labels.ndim == 2 and labels.shape[1] > 1 else labels.reshape(-1).astype(int)
        counts = np.bincount(classes)
        smallest = int(counts[counts > 0].min())
        if smallest < 2:
            alone = int(np.argmax(counts == 1))
            raise RequestError(
                "to choose the trained blocks by cross-validation each class needs two training examples, and class "
                f"{alone} has one: say --config.trained_blocks=0"
            )
        splits = _splits(smallest)
        repeated = RepeatedStratifiedKFold(n_splits=splits, n_repeats=_repeats(smallest), random_state=seed)
        folds = repeated.split(np.zeros(number), classes)
    found = list(folds)
    least = min(len(train) for train, _ in found)  # so that all have the same compiled steps
    random = np.random.default_rng(seed)
    for train, validated in found:
        yield np.sort(random.permutation(train)[:least]), validated


def _splits(smallest):
    return 3 if smallest >= _MANY else min(4, smallest)


def _repeats(smallest):
    return max(1, min(_MOST_REPEATS, math.ceil(_VALIDATED / smallest)))


def _epochs(config, folds, candidates, budget):
    """How long each training is, so that all together keep to the budget, and each makes some updates."""
    number = len(folds[0][0])
    whole = number + len(folds[0][1])
    epochs = budget * config["epochs"] * whole / (candidates * len(folds) * number)
    size = config["batch_size"] if isinstance(config["batch_size"], int) else 32
    least = _LEAST_UPDATES * min(size, number) / number
    return float(min(config["epochs"], max(epochs, least)))


def _scores(trainers, config, folds):
    """The score of each fold, and what it is."""
    trainer, stream, arguments = trainers.get(config)
    rows = Rows(stream.source, folds[0][0])
    own = Stream(rows, seed=stream.seed, augment=stream.augment, augment_on=stream.augment_on)
    scores = []
    for i, (train, validated) in enumerate(folds):
        if i:
            trainers.get(config)  # as it was at first
        rows.choose(train)
        trainer.fit(
            own,
            config["epochs"],
            callbacks=arguments["callbacks"],
            class_weight=arguments["class_weight"],
            frozen_features=arguments["frozen_features"],
            verbose=0,
        )
        results = trainer.evaluate(Rows(stream.source, validated))
        metric = next((name for name in results if "accuracy" in name), "loss")
        scores.append(results[metric] if metric != "loss" else -results[metric])
    return tuple(map(float, scores)), metric if metric != "loss" else "loss, negated"


def _best(tried):
    return max(tried, key=lambda one: (np.mean(one.scores), -one.blocks)).blocks


def _standard_error(values):
    return float(np.std(values, ddof=1) / math.sqrt(len(values))) if len(values) > 1 else 0.0
