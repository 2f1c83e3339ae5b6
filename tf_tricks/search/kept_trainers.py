"""Trainers that are kept from trial to trial: what one has compiled serves the next of the same shape."""

import collections
import json
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from tf_tricks import data, optimizers
from tf_tricks.config import parts
from tf_tricks.config.config_keys import FOLDER_OPTIONS
from tf_tricks.search.tunable import TunableNumbers, tunable
from tf_tricks.seeds import seed_states
from tf_tricks.training import state
from tf_tricks.training.checks import check_batch
from tf_tricks.training.class_weights import class_weights
from tf_tricks.training.retracing import expect_retracing
from tf_tricks.training.task import plan_task
from tf_tricks.training.trainer import Trainer

_OF_A_TRIAL = ("learning_rate", "batch_size", "noise_scale", "keep_best", "evaluation_batch_size", *FOLDER_OPTIONS)
_MOST = 8  # shapes that are kept at once, each with its weights and its compiled steps


class KeptTrainers:
    """Makes the trainer of each trial, from what is kept of earlier ones where their shape is the same.

    The shape is all of a config but its learning rate, its batch size and the numbers that steps read from variables;
    steps are compiled once for each batch size. A trainer that is used again begins with the weights, the optimizer's
    state and the seeds with which it began at first.

    Args:
        strategy: a `tf.distribute.Strategy`.
    """

    def __init__(self, strategy: Any):
        expect_retracing()
        self.strategy = strategy
        self._kept: collections.OrderedDict[str, _Kept] = collections.OrderedDict()
        self._splits: dict[str, Any] = {}

    def get(self, config: Mapping[str, Any]) -> tuple[Trainer, Any, dict[str, Any]]:
        """Returns the trainer of a resolved config, its `tt.data.Stream`, and the arguments of `fit`, without a test.

        Raises:
            RequestError: the config cannot be trained.
        """
        config = dict(config)
        shape = shape_of(config)
        kept = self._kept.get(shape)
        if kept is None or config["callbacks"] or kept.joins_later:  # callbacks may leave a trainer changed
            kept = self._kept[shape] = _Kept(config, self.strategy, self.splits(config))
        self._kept.move_to_end(shape)
        while len(self._kept) > _MOST:
            self._kept.popitem(last=False)
        return kept.trainer, kept.stream, kept.begin(config)

    def check(self, config: Mapping[str, Any]) -> None:
        """Raises a `RequestError` if a resolved config cannot be trained; writes nothing."""
        trainer, stream, arguments = self.get(config)
        size, number = int(trainer.batch_size(0.0)), stream.source.num_examples
        check_batch(size, number, trainer.num_replicas, trainer.micro_batch)
        class_weights(arguments["class_weight"], stream.source)

    def clear(self) -> None:
        """Drops all trainers, and what they have compiled."""
        self._kept.clear()
        keras.utils.clear_session()

    def splits(self, config: Mapping[str, Any]) -> Any:
        """Returns the data of a resolved config, which are read once for each seed: it decides which are validation."""
        key = json.dumps([config["data"], config["seed"]], sort_keys=True)
        if key not in self._splits:
            self._splits[key] = data.get(config["data"], seed=config["seed"])
        return self._splits[key]


class _Kept:
    """A trainer of a shape, and the state with which its trials begin."""

    def __init__(self, config, strategy, splits):
        built = parts.build(config, strategy, splits=splits)
        parts.start(config, built.model)
        self.splits, self.stream, self.unfreezing = splits, built.stream, built.unfreezing
        self.trainer = Trainer(built.model, **built.trainer_arguments)
        self._numbers = TunableNumbers(self.trainer, tunable(config, self.trainer.optimizer))
        self._numbers.set(config)
        arguments = [built.fit_arguments[key] for key in ("epochs", "callbacks", "validation")]
        plan_task(self.trainer, self.stream, *arguments)
        self.joins_later = self.unfreezing is not None and bool(self.unfreezing.callbacks)
        self._start = {key: np.copy(value) for key, value in state.variable_arrays(self._variables()).items()}

    def begin(self, config):
        keras.utils.set_random_seed(config["seed"])
        keras.config.set_dtype_policy(config["precision"])
        state.assign_variables(self._variables(), self._start)
        state.finalize_layers(self.trainer.model)
        self._numbers.set(config)
        trainer = self.trainer
        trainer.learning_rate, trainer.batch_size = parts.schedules_of(config, self.splits.train, trainer.num_replicas)
        trainer.evaluation_batch_size = config["evaluation_batch_size"]
        return parts.fit_arguments(config, self.splits, self.unfreezing)

    def _variables(self):
        model = self.trainer.model
        return state.variable_groups(self.trainer, seed_states(model), model.metrics_variables)


def shape_of(config: Mapping[str, Any]) -> str:
    """Returns what a trainer is made for, as text; whether a number is there belongs to it, its value does not.

    Args:
        config: a resolved config.
    """
    left = {key: value for key, value in config.items() if key not in _OF_A_TRIAL}
    left |= dict.fromkeys(tunable(config, optimizers.get(config["optimizer"])), "tunable")
    if config["augment"] is None:
        left.pop("epochs")  # some augmentations grow over them
    return json.dumps(left, sort_keys=True, default=repr)
