"""The tricks that make neural networks train, on TensorFlow and Keras 3.

    import tf_tricks as tt

Names are loaded when they are first used, so that importing the package costs nothing.
"""

import importlib

__version__ = "0.1.0"

_PACKAGES = (
    "augment",
    "callbacks",
    "data",
    "initializers",
    "layers",
    "losses",
    "models",
    "optimizers",
    "schedules",
    "tpu",
)
_NAMES = {
    "Trainer": "tf_tricks.training.trainer",
    "strategy": "tf_tricks.training.devices",
    "RequestError": "tf_tricks.errors",
    "RunError": "tf_tricks.errors",
}

__all__ = [*_PACKAGES, *_NAMES]


def __getattr__(name):
    if name in _PACKAGES:
        return importlib.import_module(f"tf_tricks.{name}")
    if name in _NAMES:
        return getattr(importlib.import_module(_NAMES[name]), name)
    raise AttributeError(f"module 'tf_tricks' has no attribute {name!r}")


def __dir__():
    return sorted([*globals(), *__all__])
