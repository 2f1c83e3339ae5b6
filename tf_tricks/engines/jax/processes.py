"""JAX on several processes: their start, which must come before anything asks for a device."""

import jax
from jax.experimental import multihost_utils

from tf_tricks.engines import hosts
from tf_tricks.errors import RunError

_LIBRARYS_OWN = 100  # seconds of silence after which JAX kills a process, without a sentence


def initialize(coordinator: str, number: int, index: int, timeout: float) -> None:
    """Starts JAX as one of several processes.

    Args:
        coordinator: "host:port" at which process 0 is to listen for JAX.
        number: of processes.
        index: of this one.
        timeout: seconds.

    Raises:
        RunError: they do not find each other.
    """
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    try:
        jax.distributed.initialize(
            coordinator,
            number,
            index,
            cluster_detection_method="deactivate",
            initialization_timeout=round(timeout),
            heartbeat_timeout_seconds=max(_LIBRARYS_OWN, round(2 * timeout)),
        )
    except jax.errors.JaxRuntimeError as error:
        raise RunError(f"JAX cannot connect the processes: {str(error).splitlines()[0]}") from error


def find(on_cpu: bool, timeout: float) -> None:
    """Starts JAX as one of several processes where its own detection finds any: on a TPU slice, under Slurm or MPI.

    Args:
        on_cpu: whether CPUs are asked for: then what a TPU's machine says of its slice does not count.
        timeout: seconds.
    """
    if on_cpu or jax.distributed.is_initialized():
        return
    try:
        jax.distributed.initialize(heartbeat_timeout_seconds=max(_LIBRARYS_OWN, round(2 * timeout)))
    except ValueError:  # it finds nothing: this process is the only one
        return


def join(timeout: float) -> None:
    """Connects the processes that JAX knows, if there are several and they are not connected yet."""
    if jax.process_count() == 1 or hosts.joined():
        return
    import numpy as np

    own = [*map(int, hosts.own_address("8.8.8.8").split(".")), hosts.free_port()]
    *parts, port = multihost_utils.broadcast_one_to_all(np.array(own, "int32")).tolist()
    hosts.join((".".join(map(str, parts)), port), jax.process_count(), jax.process_index(), timeout)
