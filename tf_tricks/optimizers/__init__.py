"""Optimizers, by name: those of the lecture, their successors, and wrappers that go around any of them."""

import keras
from packaging.version import Version

from tf_tricks.errors import RequestError
from tf_tricks.optimizers import from_keras
from tf_tricks.optimizers.adaptive_gradient_clipping import AdaptiveGradientClipping
from tf_tricks.optimizers.lamb import LAMB
from tf_tricks.optimizers.lars import LARS
from tf_tricks.optimizers.learning_rate_multipliers import LayerWiseDecay, LearningRateMultipliers
from tf_tricks.optimizers.lookahead import Lookahead
from tf_tricks.optimizers.momentum import Momentum
from tf_tricks.optimizers.radam import RAdam
from tf_tricks.optimizers.sam import SAM, SharpnessAwareModel
from tf_tricks.optimizers.schedule_free import ScheduleFreeAdamW
from tf_tricks.optimizers.weight_decay_exclusions import WeightDecayExclusions
from tf_tricks.registry import Registry, classes_by_name

__all__ = [
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

_KERAS = classes_by_name(keras.optimizers, keras.optimizers.Optimizer)
# The trainer scales the loss itself, with a check over all replicas, and has one learning rate for the whole model.
for _name in ("loss_scale_optimizer", "multi_optimizer"):
    _KERAS.pop(_name, None)

TRICKS = {
    "sgd": from_keras.sgd,
    "momentum": Momentum,
    "adagrad": from_keras.adagrad,
    "rmsprop": from_keras.rmsprop,
    "adam": from_keras.adam,
    "amsgrad": from_keras.amsgrad,
    "adam_w": from_keras.adam_w,
    "radam": RAdam,
    "lars": LARS,
    "lamb": LAMB,
    "lion": from_keras.lion,
    "sam": SAM,
    "lookahead": Lookahead,
    "adaptive_gradient_clipping": AdaptiveGradientClipping,
    "learning_rate_multipliers": LearningRateMultipliers,
    "layer_wise_decay": LayerWiseDecay,
    "weight_decay_exclusions": WeightDecayExclusions,
    "schedule_free_adam_w": ScheduleFreeAdamW,
}
"""The optimizers that have a card, by name."""

if Version(keras.__version__) >= Version("3.13"):
    TRICKS["muon"] = from_keras.muon
else:
    _KERAS.pop("muon", None)  # which cannot make a step on TensorFlow there

_REGISTRY = Registry("optimizer", _KERAS | TRICKS)


def get(identifier):
    """Returns an optimizer from a name, a dict `{"name": "momentum", "momentum": 0.9}` or a Keras optimizer.

    The learning rate is not among the arguments: it is the trainer's. A wrapper takes the optimizer that it goes around
    as a name or a dict: `{"name": "lookahead", "optimizer": "adam"}`.

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
        identifier = {key: get(value) if key == "optimizer" else value for key, value in identifier.items()}
    optimizer = _REGISTRY.get(identifier)
    if not isinstance(optimizer, keras.optimizers.Optimizer):
        raise RequestError(f"an optimizer must be a name, a dict with 'name', or a Keras optimizer, not {identifier!r}")
    return optimizer
