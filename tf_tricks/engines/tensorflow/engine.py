"""TensorFlow as an engine: see `engines`."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tf_tricks.engines import hosts
from tf_tricks.engines.tensorflow.device_errors import told
from tf_tricks.engines.tensorflow.devices import device_kind, strategy
from tf_tricks.engines.tensorflow.evaluation import Evaluation
from tf_tricks.engines.tensorflow.loop import Loop
from tf_tricks.engines.tensorflow.prediction import Prediction
from tf_tricks.errors import RequestError

__all__ = ["Evaluation", "Loop", "Prediction", "device_kind", "strategy", "told"]


def current_strategy() -> tf.distribute.Strategy:
    """Returns the strategy in whose scope this is called."""
    return tf.distribute.get_strategy()


def check_strategy(strategy: tf.distribute.Strategy | None) -> None:
    """Raises a `RequestError` if this is no distribution strategy."""
    if strategy is not None and not isinstance(strategy, tf.distribute.Strategy):
        raise RequestError(f"strategy must be a tf.distribute.Strategy, such as tt.strategy() makes, not {strategy!r}")


def check_built(model: keras.Model, strategy: tf.distribute.Strategy) -> None:
    """Raises a `RequestError` if the weights of a built model do not belong to the strategy."""
    if strategy.num_replicas_in_sync > 1:
        for variable in model.weights:
            if not strategy.extended.variable_created_in_scope(variable.value):
                raise RequestError(
                    f"the model {model.name!r} was made outside of the strategy: make it in `with strategy.scope():`"
                )


def check_jit_compile(jit_compile: bool | str, strategy: tf.distribute.Strategy, model: keras.Model) -> bool:
    """Returns whether XLA is to compile the forward and backward pass; "auto" says yes on a single GPU.

    XLA has no texts, so that a model that takes some is not compiled. On a CPU it is slower than the plain graph. A TPU
    has the whole step compiled, with nothing in it to compile apart.
    """
    single, kind = strategy.num_replicas_in_sync == 1, device_kind(strategy)
    texts = any(getattr(one, "dtype", None) == "string" for one in getattr(model, "inputs", None) or ())
    if jit_compile == "auto":
        return single and kind == "GPU" and not texts
    if not isinstance(jit_compile, bool):
        raise RequestError(f"jit_compile must be True, False or 'auto', not {jit_compile!r}")
    if texts and (jit_compile or kind == "TPU"):
        where = "a TPU has none" if kind == "TPU" else "jit_compile=True compiles them by XLA, which has none"
        raise RequestError(f"the model takes texts, and {where}: encode them as integers")
    if kind == "TPU":
        return False
    if jit_compile and not single and kind == "CPU":
        raise RequestError("jit_compile=True needs a single CPU replica: batch norm cannot sum over replicas under XLA")
    return jit_compile


def is_elsewhere(optimizer: keras.optimizers.Optimizer, strategy: tf.distribute.Strategy) -> bool:
    """Returns whether an optimizer was made outside of the strategy."""
    return optimizer._distribution_strategy is not strategy


def parts_of(variable: Any) -> tuple:
    """Returns the replicas' own variables where each counts for itself until it is read, else nothing."""
    value = variable.value if isinstance(variable, keras.Variable) else variable
    on_read = tf.VariableSynchronization.ON_READ
    several = isinstance(value, tf.distribute.DistributedValues) and value.synchronization == on_read
    return value.values if several and not hosts.joined() else ()  # of several hosts, each has only its own


def saves_together() -> bool:
    """Returns False: the chief writes the checkpoints of all hosts."""
    return False


def of_all_hosts(arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    """Returns the arrays: the chief writes them."""
    return arrays
