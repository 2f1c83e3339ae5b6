"""Where to train: a TPU if one is there, else GPUs, else the CPU."""

from typing import Any

from tf_tricks.engines.tensorflow import tpu_environment

tpu_environment.prepare()  # in time, if nothing has imported TensorFlow yet

import keras  # noqa: E402

from tf_tricks.engines import engine  # noqa: E402
from tf_tricks.errors import RequestError, check_number, unknown  # noqa: E402

DEVICES = ("auto", "cpu", "gpu", "tpu")
MOST_REPLICAS = 256  # with more logical devices TensorFlow needs minutes to make a strategy of them


def strategy(device: str = "auto", tpu: str | None = None, replicas: int | None = None) -> Any:
    """Returns the strategy that trains on `device`: how a batch is shared out to devices.

    On TensorFlow it is a `tf.distribute.Strategy`; on JAX a `DataParallel`, of the same use: give it to `tt.Trainer`,
    and make the model in `with strategy.scope():`.

    Args:
        device: `"auto"` (TPU, else GPUs, else CPU), `"cpu"`, `"gpu"` or `"tpu"`. A device that is asked for by name
            and is not there is an error, never a silent run on another.
        tpu: the TPU's name or address, `"local"` for the one of this machine, or None for what the variable TPU_NAME
            says, by default the one of this machine. A TPU that is there but cannot be used is an error for `"auto"`,
            too. On JAX, the one of this machine or slice.
        replicas: on a CPU, the number of logical devices to split it into, for trying distribution anywhere; on GPUs,
            how many of them to use (all by default). A TPU is used with all its chips.

    Raises:
        RequestError: the device is not there, with the cause and the cure.

    Example:
        >>> import tf_tricks as tt
        >>> tt.strategy("cpu").num_replicas_in_sync
        1
    """
    if device not in DEVICES:
        raise unknown("device", device, DEVICES)
    if replicas is not None:
        check_number("replicas", replicas, minimum=1, maximum=MOST_REPLICAS, integer=True)
    if tpu is not None and device not in ("auto", "tpu"):
        raise RequestError(f"--tpu={tpu} asks for a TPU, and --device={device} for another device: leave one out")
    return engine().strategy(device, tpu, replicas)


def replicas(strategy: Any) -> str:
    """Returns how many replicas a strategy has, and of what, in words: `"4 CPU replicas"`."""
    number = strategy.num_replicas_in_sync
    return f"{number} {engine().device_kind(strategy)} replica{'s' if number > 1 else ''}"


def describe(strategy: Any, device: str = "auto") -> str:
    """Returns one line that says where `strategy` trains and why."""
    kind = engine().device_kind(strategy)
    if device != "auto":
        why = f"--device={device}"
    elif kind == "TPU":
        why = "a TPU was found"
    elif kind == "GPU":
        why = "no TPU, but a GPU was found"
    else:
        why = "neither a TPU nor a GPU was found"
    by = ", by JAX" if keras.config.backend() == "jax" else ""
    return f"{replicas(strategy)} ({why}){by}"
