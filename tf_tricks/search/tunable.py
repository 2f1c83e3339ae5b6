"""Numbers that a compiled step reads from variables, so that trials which differ in them only compile nothing anew."""

from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

NUMBERS = ("l2", "weight_decay", "clip_value", "clip_norm", "clip_global_norm")
"""The keys of a config that can be such numbers, where they are neither None nor 0."""


def tunable(config: Mapping[str, Any], optimizer: keras.optimizers.Optimizer) -> list[str]:
    """Returns which of `NUMBERS` the steps of this config can read from variables.

    Args:
        config: a resolved config.
        optimizer: its optimizer; one that decays in a way of its own keeps a decay for good.
    """
    if keras.config.backend() != "tensorflow":
        return []  # the step gets the run's state as arguments, and knows of no variable beside them
    plain_decay = type(optimizer)._apply_weight_decay is keras.optimizers.Optimizer._apply_weight_decay
    names = [name for name in NUMBERS if config[name]]
    return [name for name in names if name != "weight_decay" or plain_decay]


class TunableNumbers:
    """Puts variables in place of a trainer's numbers, before its step is traced.

    Args:
        trainer: `Trainer`, whose loop has not been compiled yet.
        names: from `tunable`.
    """

    def __init__(self, trainer: Any, names: list[str]):
        self._trainer = trainer
        with trainer.strategy.scope():
            self._variables = {name: tf.Variable(0.0, trainable=False, name=name) for name in names}
        for name in names:
            if name == "weight_decay":
                _decay_by(trainer.optimizer, self._variables[name])
            else:
                setattr(trainer.update, name, self._variables[name])

    def set(self, config: Mapping[str, Any]) -> None:
        """Takes the numbers of a resolved config, in the steps and in what the run's folder keeps of them."""
        for name, variable in self._variables.items():
            variable.assign(config[name])
            self._trainer.update_arguments[name] = config[name]
            if name == "weight_decay":
                self._trainer.optimizer.weight_decay = config[name]


def _decay_by(optimizer, variable):
    """Has the optimizer decay by a variable's value; its setting stays a number, as its `get_config` gives it."""
    apply = optimizer._apply_weight_decay

    def apply_by_variable(variables):
        number, optimizer.weight_decay = optimizer.weight_decay, variable
        try:
            apply(variables)
        finally:
            optimizer.weight_decay = number

    optimizer._apply_weight_decay = apply_by_variable
