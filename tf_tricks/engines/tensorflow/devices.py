"""The `tf.distribute.Strategy` of the devices that are there."""

import json
import os

from tf_tricks.engines import hosts
from tf_tricks.engines.tensorflow import tpu_environment
from tf_tricks.errors import RequestError

tpu_environment.prepare()  # in time, if nothing has imported TensorFlow yet

import tensorflow as tf  # noqa: E402

from tf_tricks.engines.tensorflow import tpu_devices  # noqa: E402


def strategy(device: str, tpu: str | None, replicas: int | None) -> tf.distribute.Strategy:
    """Returns the `tf.distribute.Strategy` of `engines.devices.strategy`, whose arguments these are."""
    workers, index = _workers()
    if len(workers) > 1:
        return _many_workers(workers, index, replicas)
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


def _workers():
    """The addresses of the workers in TF_CONFIG, and the number of this one."""
    try:
        content = json.loads(os.environ.get("TF_CONFIG") or "{}")
        cluster, task = content.get("cluster", {}), content.get("task", {})
        workers = [*cluster.get("chief", []), *cluster.get("worker", [])]
        behind = len(cluster.get("chief", [])) if task.get("type") == "worker" else 0
        return workers, behind + int(task.get("index", 0))
    except (ValueError, AttributeError, TypeError) as error:
        raise RequestError(f"TF_CONFIG cannot be read: {error}") from error


def _many_workers(workers, index, replicas):
    """The strategy of several processes; they find each other a thousand ports beside the first's."""
    if replicas is not None:
        raise RequestError(f"--replicas={replicas} is for one process, and there are {len(workers)}: leave it out")
    if not hosts.joined():
        host, _, port = workers[0].rpartition(":")
        hosts.join((host, int(port) + (1000 if int(port) < 64000 else -1000)), len(workers), index, hosts.timeout())
    ring = tf.distribute.experimental.CommunicationImplementation.RING
    options = tf.distribute.experimental.CommunicationOptions(implementation=ring)
    try:
        return tf.distribute.MultiWorkerMirroredStrategy(communication_options=options)
    except RuntimeError as error:
        raise RequestError(
            f"the workers of TF_CONFIG must be connected before TensorFlow has run anything: call tt.strategy first "
            f"({str(error).splitlines()[0]})"
        ) from error


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
