"""Where to train: a TPU if one is there, else GPUs, else the CPU."""

from tf_tricks.engines.tensorflow import tpu_environment
from tf_tricks.errors import RequestError, check_number, unknown

tpu_environment.prepare()  # in time, if nothing has imported TensorFlow yet

import tensorflow as tf  # noqa: E402

from tf_tricks.engines.tensorflow import tpu_devices  # noqa: E402

DEVICES = ("auto", "cpu", "gpu", "tpu")
MOST_REPLICAS = 256  # with more logical devices TensorFlow needs minutes to make a strategy of them


def strategy(device: str = "auto", tpu: str | None = None, replicas: int | None = None) -> tf.distribute.Strategy:
    """Returns the `tf.distribute.Strategy` that trains on `device`.

    Args:
        device: `"auto"` (TPU, else GPUs, else CPU), `"cpu"`, `"gpu"` or `"tpu"`. A device that is asked for by name
            and is not there is an error, never a silent run on another.
        tpu: the TPU's name or address, `"local"` for the one of this machine, or None for what the variable TPU_NAME
            says, by default the one of this machine. A TPU that is there but cannot be used is an error for `"auto"`,
            too.
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
    if device == "gpu":
        return _gpu(replicas)
    if device == "cpu":
        return _cpu(replicas)
    name = tpu_environment.asked_for(device, tpu)
    if name is not None:
        return _tpu(name, replicas)
    if tf.config.list_physical_devices("GPU"):
        return _gpu(replicas)
    return _cpu(replicas)


def replicas(strategy: tf.distribute.Strategy) -> str:
    """Returns how many replicas a strategy has, and of what, in words: `"4 CPU replicas"`."""
    number = strategy.num_replicas_in_sync
    return f"{number} {device_kind(strategy)} replica{'s' if number > 1 else ''}"


def describe(strategy: tf.distribute.Strategy, device: str = "auto") -> str:
    """Returns one line that says where `strategy` trains and why."""
    kind = device_kind(strategy)
    if device != "auto":
        why = f"--device={device}"
    elif kind == "TPU":
        why = "a TPU was found"
    elif kind == "GPU":
        why = "no TPU, but a GPU was found"
    else:
        why = "neither a TPU nor a GPU was found"
    return f"{replicas(strategy)} ({why})"


def device_kind(strategy: tf.distribute.Strategy) -> str:
    """Returns `"CPU"`, `"GPU"` or `"TPU"`."""
    if isinstance(strategy, tf.distribute.TPUStrategy):
        return "TPU"
    if isinstance(strategy, (tf.distribute.MirroredStrategy, tf.distribute.OneDeviceStrategy)):
        return "GPU" if "GPU" in strategy.extended.worker_devices[0].upper() else "CPU"
    return "GPU" if tf.config.list_physical_devices("GPU") else "CPU"  # the default: wherever TensorFlow puts things


def _cpu(replicas):
    if replicas is None or replicas == 1:
        if not tf.config.list_physical_devices("GPU"):
            return tf.distribute.get_strategy()
        return tf.distribute.OneDeviceStrategy("/cpu:0")
    cpu = tf.config.list_physical_devices("CPU")[0]
    existing = tf.config.get_logical_device_configuration(cpu)
    if existing is None or len(existing) < replicas:
        try:
            tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * replicas)
        except RuntimeError as error:
            raise RequestError(
                f"{replicas} CPU replicas must be asked for before TensorFlow has run anything: call "
                "tt.strategy first, or use --replicas"
            ) from error
    return tf.distribute.MirroredStrategy([f"/cpu:{i}" for i in range(replicas)])


def _gpu(replicas):
    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        raise RequestError(
            "there is no GPU that TensorFlow can use: check `nvidia-smi`, install `tf_tricks[gpu]`, "
            "or train with --device=cpu"
        )
    number = len(gpus) if replicas is None else replicas
    if number > len(gpus):
        raise RequestError(f"--replicas={number} needs {number} GPUs, and there are {len(gpus)}")
    if number == 1:
        return tf.distribute.OneDeviceStrategy("/gpu:0")
    return tf.distribute.MirroredStrategy([f"/gpu:{i}" for i in range(number)])


def _tpu(name, replicas):
    if replicas is not None:
        raise RequestError(
            f"--replicas={replicas} is for CPUs and GPUs, and a TPU is used with all its chips: leave it out, or train "
            "with --device=cpu"
        )
    return tpu_devices.connect(name)
