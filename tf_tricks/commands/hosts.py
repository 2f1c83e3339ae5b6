"""Flags of a command that trains on many hosts; the processes find each other before anything has a device."""

import importlib.metadata
import json
import os
import sys
import time
from collections.abc import Sequence
from typing import Any

from absl import flags

from tf_tricks.commands import backend
from tf_tricks.commands.backend import value_of
from tf_tricks.engines import hosts
from tf_tricks.errors import RequestError, check_number

FLAGS = ("coordinator", "num_processes", "process_id", "host_timeout")
_NEEDED = FLAGS[:3]
_MOMENT = 0.5  # seconds
_PACKAGES = ("tf_tricks", "keras", "tensorflow", "jax")

flags.DEFINE_string("coordinator", None, "HOST:PORT of process 0, to train with several processes, one on each host")
flags.DEFINE_integer("num_processes", None, "how many of them there are")
flags.DEFINE_integer("process_id", None, "which of them this one is, from 0; process 0 writes and prints")
flags.DEFINE_float("host_timeout", hosts.TIMEOUT, "seconds after which a host that is silent counts as lost")


def join(arguments: Sequence[str]) -> None:
    """Connects with the other processes that the flags name; on JAX, also with those that its own detection finds.

    Args:
        arguments: of the command line.

    Raises:
        RequestError: a flag is missing or wrong, or the processes differ in backend or versions.
    """
    given: dict[str, Any] = {name: value_of(arguments, name) for name in FLAGS}
    on_jax = os.environ[backend.VARIABLE] == "jax"
    timeout = _number("host_timeout", given["host_timeout"] or hosts.TIMEOUT, float)
    if all(given[name] is None for name in _NEEDED):
        if on_jax:
            from tf_tricks.engines.jax import processes

            processes.find(value_of(arguments, "device") == "cpu", timeout)
        os.environ[hosts.TIMEOUT_VARIABLE] = str(timeout)
        return
    for name in _NEEDED:
        if given[name] is None:
            there = next(f"--{other}" for other in _NEEDED if given[other] is not None)
            raise RequestError(f"{there} needs --{name}, too: all of --{', --'.join(_NEEDED)}")
    if "TF_CONFIG" in os.environ:
        raise RequestError("TF_CONFIG and --coordinator both say which processes there are: leave one out")
    host, colon, port = given["coordinator"].rpartition(":")
    if not colon or not host or not port.isdigit() or not 0 < int(port) < 2**16:
        raise RequestError(f"--coordinator must be HOST:PORT, such as 10.0.0.1:1234, not {given['coordinator']}")
    number = _number("num_processes", given["num_processes"], int)
    index = _number("process_id", given["process_id"], int, number - 1)
    if number == 1:
        return
    hosts.join((host, int(port)), number, index, timeout)
    hosts.agree({"backend": os.environ[backend.VARIABLE]} | _versions())
    if on_jax:
        from tf_tricks.engines.jax import processes

        processes.initialize(str(hosts.told_by_chief(f"{host}:{hosts.free_port()}")), number, index, timeout)
    else:
        own = host if index == 0 else hosts.own_address(host)
        workers = hosts.exchange(f"{own}:{hosts.free_port()}")
        os.environ["TF_CONFIG"] = json.dumps(
            {"cluster": {"worker": workers}, "task": {"type": "worker", "index": index}}
        )


def are_several() -> bool:
    """Returns whether this process is one of several."""
    return hosts.joined()


def end(sentence: str | None, status: int) -> None:
    """Ends this process with an exit status if it is one of several; the libraries would wait for the others first."""
    if hosts.joined():
        hosts.leave(sentence, status)
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def wait_for_reason() -> None:
    """Gives the news that another process is lost a moment to come: it ends this one with a better sentence."""
    if hosts.joined():
        time.sleep(_MOMENT)


def _number(name, value, kind, maximum=None):
    try:
        value = kind(value)
    except ValueError:
        raise RequestError(f"--{name} must be a number, not {value!r}") from None
    if name == "process_id":
        return check_number("--process_id", value, minimum=0, maximum=maximum, integer=True)
    return check_number(f"--{name}", value, minimum=1)


def _versions():
    found = {}
    for name in _PACKAGES:
        try:
            found[f"version of {name}"] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[f"version of {name}"] = "none"
    return found
