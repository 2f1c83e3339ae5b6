"""The tricks that make neural networks train, on TensorFlow and Keras 3.

    import tf_tricks as tt

Names are loaded when they are first used, so that importing the package costs nothing.
"""

import importlib
import sys

from tf_tricks.saving import register_with_keras

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
    "registry",
    "schedules",
    "tpu",
)
_NAMES = {
    "Trainer": "tf_tricks.training.trainer",
    "diagnose": "tf_tricks.doctor.diagnose",
    "strategy": "tf_tricks.engines.devices",
    "init_from": "tf_tricks.training.init_from",
    "blocks_of": "tf_tricks.blocks",
    "freeze": "tf_tricks.training.freezing",
    "RequestError": "tf_tricks.errors",
    "RunError": "tf_tricks.errors",
    "register": "tf_tricks.registry",
}

__all__ = [*_PACKAGES, *_NAMES]


def __getattr__(name):
    if name not in __all__:
        raise AttributeError(f"module 'tf_tricks' has no attribute {name!r}")
    module = importlib.import_module(_NAMES.get(name, f"tf_tricks.{name}"))
    if "keras" in sys.modules:
        register_with_keras()
    return getattr(module, name) if name in _NAMES else module


def __dir__():
    return sorted([*globals(), *__all__])


register_with_keras()
