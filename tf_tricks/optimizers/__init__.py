"""Optimizers, by name: those of the lecture, their successors, and wrappers that go around any of them."""

from typing import Any

import keras

from tf_tricks import registry
from tf_tricks.errors import RequestError
from tf_tricks.keras_names import classes_by_name
from tf_tricks.named_parts import NamedParts
from tf_tricks.optimizers.adaptive_gradient_clipping import AdaptiveGradientClipping
from tf_tricks.optimizers.l2_sp import L2SP
from tf_tricks.optimizers.lamb import LAMB
from tf_tricks.optimizers.lars import LARS
from tf_tricks.optimizers.learning_rate_multipliers import LayerWiseDecay, LearningRateMultipliers
from tf_tricks.optimizers.lookahead import Lookahead
from tf_tricks.optimizers.momentum import Momentum
from tf_tricks.optimizers.radam import RAdam
from tf_tricks.optimizers.sam import SAM, SharpnessAwareModel
from tf_tricks.optimizers.schedule_free import ScheduleFreeAdamW
from tf_tricks.optimizers.weight_decay_exclusions import WeightDecayExclusions

__all__ = [
    "L2SP",
    "LAMB",
    "LARS",
    "SAM",
    "TRICKS",
    "AdaptiveGradientClipping",
    "LayerWiseDecay",
    "LearningRateMultipliers",
    "Lookahead",
    "Momentum",
    "RAdam",
    "ScheduleFreeAdamW",
    "SharpnessAwareModel",
    "WeightDecayExclusions",
    "get",
]

registry.discover(__name__)

TRICKS = registry.tricks("optimizers")
"""The optimizers that have a card, by name."""

# The trainer scales the loss itself, with a check over all replicas, and has one learning rate for the whole model.
# Keras's muon cannot make a step on TensorFlow before the version that its card asks for.
_NOT_FOR_THE_TRAINER = ("loss_scale_optimizer", "multi_optimizer", "muon")
_KERAS = classes_by_name(keras.optimizers, keras.optimizers.Optimizer)
_REGISTRY = NamedParts("optimizers", {name: made for name, made in _KERAS.items() if name not in _NOT_FOR_THE_TRAINER})


def get(identifier: Any, **defaults: Any) -> keras.optimizers.Optimizer:
    """Returns an optimizer from a name, a dict `{"name": "momentum", "momentum": 0.9}` or a Keras optimizer.

    The learning rate is not among the arguments: it is the trainer's. A wrapper takes the optimizer that it goes around
    as a name or a dict: `{"name": "lookahead", "optimizer": "adam"}`.

    Args:
        identifier: name, dict or optimizer.
        **defaults: handed to the optimizer where it takes them.

    Raises:
        RequestError: there is no such optimizer, or its arguments cannot be used.

    Example:
        >>> get({"name": "lookahead", "optimizer": {"name": "adam", "beta_2": 0.99}}).inner.beta_2
        0.99
    """
    if hasattr(identifier, "keys"):
        if "learning_rate" in identifier:
            raise RequestError(
                f"the optimizer {identifier.get('name')!r} takes no learning_rate: "
                "the learning rate is the trainer's own"
            )
    optimizer = _REGISTRY.get(identifier, **defaults)
    if not isinstance(optimizer, keras.optimizers.Optimizer):
        raise RequestError(f"an optimizer must be a name, a dict with 'name', or a Keras optimizer, not {identifier!r}")
    return optimizer
