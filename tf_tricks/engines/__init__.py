"""The compiled updates, on TensorFlow and on JAX; what runs them, the host side, is `training`.

An engine is a module, `tensorflow.engine` or `jax.engine`, with the same names:

- `Loop`: updates, many for each call; `start(stream, batch_size, examples_seen)`, then `run(learning_rates)`.
- `Evaluation`: loss and metrics over a source; `Prediction`: outputs of a batch.
- `strategy`, `current_strategy`, `device_kind`: the devices. `check_strategy`, `check_built`, `check_jit_compile`: what
  cannot be used there. `is_elsewhere`: whether an optimizer must be made anew for a strategy.
- `parts_of`: the parts of a variable that each replica has for itself; `told`: what goes wrong on the device.
- `saves_together`: whether the hosts write a checkpoint together; `of_all_hosts`: its arrays, as they can write them.
"""

import importlib
from typing import Any

from tf_tricks.errors import RequestError

ENGINES = ("tensorflow", "jax")


def engine() -> Any:
    """Returns the engine of Keras's backend, a module.

    Raises:
        RequestError: there is none for it.

    Example:
        >>> engine().device_kind(engine().current_strategy())
        'CPU'
    """
    import keras  # here: whoever only asks for a device's name needs none of it

    backend = keras.config.backend()
    if backend not in ENGINES:
        raise RequestError(
            f"the trainer needs Keras on TensorFlow or JAX, and it is on {backend}: set KERAS_BACKEND=tensorflow, or "
            "use keras.Model.fit with the schedules of tt.callbacks"
        )
    return importlib.import_module(f"tf_tricks.engines.{backend}.engine")
