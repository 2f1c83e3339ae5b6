"""Optimizers, by name: Keras's own, and heavy-ball momentum under its own name."""

import functools

import keras

from tf_tricks.errors import RequestError
from tf_tricks.registry import Registry, classes_by_name

# The lecture's eq. (4), v ← μv − ηg, θ ← θ + v; eq. (5) with `nesterov=True` (Sutskever et al. 2013): Keras's SGD.
momentum = functools.partial(keras.optimizers.SGD, momentum=0.9)

_KERAS = classes_by_name(keras.optimizers, keras.optimizers.Optimizer)
_KERAS.pop("loss_scale_optimizer", None)  # the trainer scales the loss itself, with a check over all replicas
_REGISTRY = Registry("optimizer", _KERAS | {"momentum": momentum})


def get(identifier):
    """Returns an optimizer from a name, a dict `{"name": "momentum", "momentum": 0.9}` or a Keras optimizer.

    The learning rate is not among the arguments: it is the trainer's.

    Example:
        >>> get({"name": "adam", "beta_2": 0.99}).beta_2
        0.99
    """
    if hasattr(identifier, "keys") and "learning_rate" in identifier:
        raise RequestError(
            f"the optimizer {identifier.get('name')!r} takes no learning_rate: the learning rate is the trainer's own"
        )
    optimizer = _REGISTRY.get(identifier)
    if not isinstance(optimizer, keras.optimizers.Optimizer):
        raise RequestError(f"an optimizer must be a name, a dict with 'name', or a Keras optimizer, not {identifier!r}")
    return optimizer
