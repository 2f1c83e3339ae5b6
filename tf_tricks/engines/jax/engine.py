"""JAX as an engine: see `engines`."""

from typing import Any

import jax
import keras
import numpy as np

from tf_tricks.engines.jax.device_errors import told
from tf_tricks.engines.jax.devices import DataParallel, current_strategy, device_kind, strategy
from tf_tricks.engines.jax.evaluation import Evaluation
from tf_tricks.engines.jax.loop import Loop
from tf_tricks.engines.jax.prediction import Prediction
from tf_tricks.errors import RequestError

__all__ = [
    "Evaluation",
    "Loop",
    "Prediction",
    "current_strategy",
    "device_kind",
    "strategy",
    "told",
]


def check_strategy(strategy: Any) -> None:
    """Raises a `RequestError` if this is no `DataParallel`."""
    if strategy is not None and not isinstance(strategy, DataParallel):
        raise RequestError(f"on JAX, strategy must be what tt.strategy() makes, not {strategy!r}")


def check_built(model: keras.Model, strategy: DataParallel) -> None:
    """Raises a `RequestError` if JAX cannot train the model."""
    if any(getattr(one, "dtype", None) == "string" for one in getattr(model, "inputs", None) or ()):
        raise RequestError("the model takes texts, and JAX has none: encode them as integers")
    for variable in model.weights:
        if variable.dtype == "float64" and variable.value.dtype != "float64":
            raise RequestError(
                f"the model {model.name!r} is to compute in float64, and JAX computes in 32 bits: set JAX_ENABLE_X64=1"
            )


def check_jit_compile(jit_compile: bool | str, strategy: DataParallel, model: keras.Model) -> bool:
    """Returns True: JAX compiles everything."""
    if jit_compile not in (True, "auto"):
        raise RequestError(f"jit_compile must be True or 'auto' on JAX, which compiles everything, not {jit_compile!r}")
    return True


def is_elsewhere(optimizer: keras.optimizers.Optimizer, strategy: DataParallel) -> bool:
    """Returns False: an optimizer's state goes to the devices when training starts."""
    return False


def parts_of(variable: Any) -> tuple:
    """Returns nothing: no variable has a part of its own on each device."""
    return ()


def saves_together() -> bool:
    """Returns whether the hosts of a run write its checkpoints together."""
    return jax.process_count() > 1


def of_all_hosts(arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    """Returns what each host gives alike as arrays of which each can write a part.

    Those of 64 bits, which JAX would make narrower, stay as they are, and are written by one.
    """
    if not saves_together():
        return arrays
    everywhere = DataParallel(jax.devices())
    keeps = {name: jax.dtypes.canonicalize_dtype(array.dtype) == array.dtype for name, array in arrays.items()}
    return {name: everywhere.replicate(array) if keeps[name] else array for name, array in arrays.items()}
