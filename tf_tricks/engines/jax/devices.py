"""Where JAX trains: TPUs, GPUs or CPUs, each with an equal part of every batch."""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import jax
import numpy as np
import tensorflow as tf
from jax.sharding import AbstractMesh, Mesh, NamedSharding, PartitionSpec

from tf_tricks.engines import hosts
from tf_tricks.engines.jax import processes
from tf_tricks.errors import RequestError
from tf_tricks.standard_error import held_back

KINDS = {"cpu": "CPU", "gpu": "GPU", "cuda": "GPU", "rocm": "GPU", "tpu": "TPU"}
AXIS = "batch"


class DataParallel:
    """Devices that share each batch and have all of the weights: what `tf.distribute.Strategy` is on TensorFlow.

    Args:
        devices: of JAX, all of one kind; of several processes, as many of each.

    Attributes:
        mesh: `jax.sharding.Mesh` of one axis.
        kind: of the devices, `"CPU"`, `"GPU"` or `"TPU"`.
        replicated: the `NamedSharding` of what every device has.
        num_replicas_in_sync: devices.
        num_hosts: processes whose devices these are.
    """

    def __init__(self, devices: Sequence[jax.Device]):
        devices = sorted(devices, key=lambda device: (device.process_index, device.id))
        owners = [device.process_index for device in devices]
        if len({owners.count(owner) for owner in owners}) > 1:
            raise RequestError("each process must have as many devices as the others")
        self.num_hosts = len(set(owners))
        self._host = sorted(set(owners)).index(jax.process_index())
        self._spread_over(Mesh(np.array(devices), (AXIS,)), _kind(devices[0].platform))

    def _spread_over(self, mesh, kind):
        self.mesh, self.kind = mesh, kind
        self.replicated = NamedSharding(mesh, PartitionSpec())
        self.num_replicas_in_sync = mesh.size

    def split(self, axis: int = 0) -> NamedSharding:
        """Returns the sharding of arrays of which each device has a part, along `axis`."""
        return NamedSharding(self.mesh, PartitionSpec(*[None] * axis, AXIS))

    @property
    def part(self) -> tuple[int, int]:
        """(index, number): which part of each batch this host reads, of how many."""
        return self._host, self.num_hosts

    def own(self, examples: Any) -> Any:
        """Returns this host's part of a structure of arrays [b, ...]."""
        index, number = self.part
        return jax.tree.map(lambda array: array[index * (len(array) // number) :][: len(array) // number], examples)

    def replicate(self, arrays: Any) -> Any:
        """Returns a structure of arrays on every device; each host gives the same."""
        if self.num_hosts == 1:
            return jax.device_put(arrays, self.replicated)
        local = self.mesh.local_devices

        def placed(array):
            if isinstance(array, jax.Array) and not array.is_fully_addressable:
                return array
            parts = [jax.device_put(array, device) for device in local]
            return jax.make_array_from_single_device_arrays(np.shape(array), self.replicated, parts)

        return jax.tree.map(placed, arrays)

    def share_out(self, arrays: Any, axis: int = 0) -> Any:
        """Returns a structure of arrays of which each device has a part along `axis`; each host gives its own part."""
        sharding = self.split(axis)
        if self.num_hosts == 1:
            return jax.device_put(arrays, sharding)
        return jax.tree.map(lambda array: jax.make_array_from_process_local_data(sharding, array), arrays)

    def local(self, arrays: Any) -> Any:
        """Returns replicated arrays as this host alone has them, so that it may compute with them by itself."""
        if self.num_hosts == 1:
            return arrays
        return jax.tree.map(lambda array: array.addressable_data(0), arrays)

    @contextlib.contextmanager
    def scope(self) -> Iterator[None]:
        """Does nothing: variables may be made anywhere, and go to the devices when training starts."""
        yield


class Described(DataParallel):
    """Devices that need not be there: a step can be lowered for them, and nothing can be run.

    Args:
        number: of devices.
        kind: of them, as `DataParallel.kind`.
    """

    def __init__(self, number: int, kind: str):
        self.num_hosts, self._host = 1, 0
        self._spread_over(AbstractMesh((number,), (AXIS,)), kind)


def strategy(device: str, tpu: str | None, replicas: int | None) -> DataParallel:
    """Returns the `DataParallel` of `engines.devices.strategy`, whose arguments these are."""
    _leave_accelerators_to_jax()
    made = _of_devices(device, tpu, replicas)
    processes.join(hosts.timeout())
    return made


def _of_devices(device, tpu, replicas):
    if tpu not in (None, "local"):
        raise RequestError(f"--tpu={tpu} names a TPU elsewhere, and JAX uses the one of its own machine: leave it out")
    if device == "cpu":
        with contextlib.suppress(RuntimeError):  # it has looked for devices already
            jax.config.update("jax_platforms", "cpu")
        return DataParallel(_cpus(replicas))
    with held_back():  # without a TPU, its driver complains
        found = jax.devices() if device == "auto" else _devices(device)
    kind = _kind(found[0].platform)
    if kind == "CPU":
        return DataParallel(_cpus(replicas))
    if kind == "TPU" and replicas is not None:
        raise RequestError(
            f"--replicas={replicas} is for CPUs and GPUs, and a TPU is used with all its chips: leave it out, or train "
            "with --device=cpu"
        )
    if replicas is not None and jax.process_count() > 1:
        raise RequestError(f"--replicas={replicas} is for one process, and there are several: leave it out")
    if replicas is not None and replicas > len(found):
        raise RequestError(f"--replicas={replicas} needs {replicas} {kind}s, and there are {len(found)}")
    return DataParallel(found[:replicas])


def current_strategy() -> DataParallel:
    """Returns what trains where no strategy is given: one device, JAX's first."""
    return DataParallel(jax.local_devices()[:1])


def device_kind(strategy: DataParallel) -> str:
    """Returns `"CPU"`, `"GPU"` or `"TPU"`."""
    return strategy.kind


def _kind(platform):
    return KINDS.get(platform, platform.upper())


def _leave_accelerators_to_jax():
    """TensorFlow reads data; were it to see a GPU, it would take all of its memory."""
    with contextlib.suppress(RuntimeError):  # it has run something already
        tf.config.set_visible_devices([], "GPU")


def _devices(platform):
    try:
        return jax.devices(platform)
    except RuntimeError as error:
        remedy = "pip install 'jax[cuda12]'" if platform == "gpu" else "pip install 'jax[tpu]'"
        raise RequestError(
            f"there is no {platform.upper()} that JAX can use: {remedy}, or train with --device=cpu"
        ) from error


def _cpus(number):
    if number is None:
        return _one_of_each(jax.devices("cpu"))
    with contextlib.suppress(RuntimeError):  # it has its devices already
        jax.config.update("jax_num_cpu_devices", number)
    found = jax.devices("cpu")
    if jax.process_count() > 1 and len(jax.local_devices(backend="cpu")) == number:
        return found
    if len(found) < number:
        raise RequestError(
            f"{number} CPU replicas must be asked for before JAX has run anything: call tt.strategy first, or use "
            "--replicas"
        )
    return found[:number]


def _one_of_each(devices):
    """The first device of each process."""
    return list({device.process_index: device for device in reversed(devices)}.values())
