"""What is asked of the TPU compiler, and what it answers; it runs in a process of its own, see `process`."""

import contextlib
import importlib.metadata
import re
import sys
import threading
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

from tf_tricks.errors import RequestError, RunError
from tf_tricks.tpu import worker
from tf_tricks.tpu.chips import CHIPS
from tf_tricks.tpu.collectives import collectives
from tf_tricks.tpu.names import canonical
from tf_tricks.tpu.process import Process

VERSIONS = {"jax": "0.10.2", "jaxlib": "0.10.2", "libtpu": "0.0.42.1"}
"""With which this file is known to work; the extra `tpu-check` installs them."""

INSTALL = "pip install -e '.[tpu-check]' (x86-64 Linux, CPython 3.11 or newer)"

PATIENCE = 20.0
"""Seconds between two lines on standard error that say that the compiler is still at work."""

_PROCESS = Process()


class Topology(NamedTuple):
    """A TPU to compile for.

    Attributes:
        name: such as `"v5e:2x2"`.
        kind: of its chips, a key of `chips.CHIPS`.
        devices: where each chip is, a tuple of coordinates.
        options: what libtpu is told beside the name.
    """

    name: str
    kind: str
    devices: tuple
    options: dict = {}


class Program(NamedTuple):
    """What the compiler says of a program, for each chip.

    Attributes:
        argument_bytes: memory of what goes in: the batch's share, the weights and the optimizer's state.
        output_bytes: memory of what comes out and does not take an argument's place.
        temporary_bytes: memory that the program needs beside them while it runs.
        code_bytes: memory of the program itself.
        flops: floating-point operations.
        bytes_accessed: bytes read from and written to memory.
        all_reduces: sums over the chips.
        all_reduce_bytes: bytes that are summed in all of them together.
        other_collectives: other exchanges between the chips, dict of name to number.
        loops: loops in the program; the compiler counts operations and bytes of what is in them once.
    """

    argument_bytes: int
    output_bytes: int
    temporary_bytes: int
    code_bytes: int
    flops: float
    bytes_accessed: float
    all_reduces: int
    all_reduce_bytes: int
    other_collectives: dict
    loops: int

    @property
    def total_bytes(self) -> int:
        """Memory in all."""
        return self.argument_bytes + self.output_bytes + self.temporary_bytes + self.code_bytes


class OutOfMemory(RunError):
    """The program needs more memory than a chip has.

    Args:
        needed: bytes that it needs, its arguments among them (the compiler calls all of it temporaries), or None if the
            compiler does not say.
        available: bytes that a chip has for programs, or None likewise.
    """

    def __init__(self, needed: int | None = None, available: int | None = None):
        super().__init__(f"the program needs {needed} bytes of a chip's memory, which has {available}")
        self.needed, self.available = needed, available


class NotCompilable(RunError):
    """There is no program for a TPU: TensorFlow, JAX or the compiler refuses.

    Args:
        message: what it says.
        by_compiler: whether it is the compiler that refuses.
    """

    def __init__(self, message: str, by_compiler: bool = False):
        super().__init__(message)
        self.by_compiler = by_compiler


def topology(name: str) -> Topology:
    """Returns the `Topology` of a name such as `"v5e:2x2"`, `"v5e:1x1"` for a single chip, or `"v5litepod-8"`.

    Raises:
        RequestError: there is no such TPU, or the compiler is not installed.
    """
    given, (name, kind, sizes) = name, canonical(name)
    chip = CHIPS[kind]
    options: dict[str, Any] = {"chips_per_host_bounds": [*[min(2, size) for size in sizes[:2]], 1]}
    if chip.config:
        options["chip_config_name"] = chip.config
    answer, content = _PROCESS.ask({"topology": name, "options": options})
    if answer == worker.DEVICES:
        return Topology(name, kind, tuple(content), options)
    if answer == worker.ABSENT:
        raise RequestError(f"the TPU compiler is not installed ({content}): {INSTALL}")
    raise RequestError(f"there is no TPU topology {given!r}; for example {chip.example} ({content})")


def compile_function(
    function: Any, specs: Sequence[Any], split_axes: Sequence[int | None], topology: Topology
) -> Program:
    """Returns the `Program` of a `tf.function`, compiled for the chips of a TPU.

    Args:
        function: a `tf.function` with `jit_compile=True`.
        specs: a `tf.TensorSpec` for each argument.
        split_axes: for each argument the axis along which the chips share it, or None for all of it on every chip. What
            the function captures, weights and the optimizer's state, is on every chip.
        topology: `Topology`.

    Raises:
        RequestError: the installed versions of jax and libtpu do not fit this package.
        NotCompilable: there is no such program for a TPU.
        OutOfMemory: a chip has not enough memory.
    """
    with _patience(f"{topology.name}: compiling"):
        try:
            hlo = function.experimental_get_compiler_ir(*specs)(stage="hlo_serialized")
        except Exception as error:  # TensorFlow and Keras have many kinds for what cannot be traced or translated
            raise NotCompilable(str(error)) from error
        request = dict(topology=topology.name, options=topology.options, hlo=hlo, chips=len(topology.devices))
        request["split"] = [(spec.shape.rank, axis) for spec, axis in zip(specs, split_axes)]
        return _program(*_PROCESS.ask(request))


def compile_exported(exported: bytes, topology: Topology) -> Program:
    """Returns the `Program` of what `jax.export` has exported for as many devices as the topology has chips.

    Args:
        exported: bytes; the first argument of the function may be used up.
        topology: `Topology`.

    Raises:
        NotCompilable: there is no such program for a TPU.
        OutOfMemory: a chip has not enough memory.
    """
    with _patience(f"{topology.name}: compiling"):
        request = dict(topology=topology.name, options=topology.options, exported=exported)
        return _program(*_PROCESS.ask(request | {"chips": len(topology.devices)}))


def usable_memory(topology: Topology) -> int:
    """Returns how many bytes of a chip's memory programs can have, by asking the compiler for more."""
    request = dict(topology=topology.name, options=topology.options, chips=1)
    try:
        _program(*_PROCESS.ask(request))
    except OutOfMemory as error:
        if error.available:
            return error.available
    return CHIPS[topology.kind].memory


def _program(answer, content):
    """Returns the `Program` that the worker has answered, or raises what it has answered."""
    if answer == worker.MOVED:
        raise _moved(content)
    if answer != worker.PROGRAM:
        raise _explained(content)
    text = content.pop("text")
    exchanges = collectives(text)
    sums = exchanges.pop("all-reduce", (0, 0))
    return Program(
        **content,
        all_reduces=sums[0],
        all_reduce_bytes=sums[1],
        other_collectives={name: number for name, (number, _) in exchanges.items()},
        loops=text.count(" while("),
    )


def _explained(text):
    """Returns the exception for a message of the compiler."""
    if "RESOURCE_EXHAUSTED" not in text:
        return NotCompilable(text, by_compiler=True)
    found = re.search(r"total memory required.*?\(([\d.]+)([KMGT])\).*?HBM \(([\d.]+)([KMGT])\)", text, re.DOTALL)
    found = found or re.search(r"Used ([\d.]+)([KMGT]) of ([\d.]+)([KMGT]) hbm", text)
    if found is None:
        return OutOfMemory()
    needed, needed_unit, available, available_unit = found.groups()
    powers = {unit: 1024**power for power, unit in enumerate("KMGT", 1)}
    return OutOfMemory(int(float(needed) * powers[needed_unit]), int(float(available) * powers[available_unit]))


def _moved(error):
    known = ", ".join(f"{name} {version}" for name, version in VERSIONS.items())
    there = ", ".join(f"{name} {_version(name)}" for name in VERSIONS)
    return RequestError(
        f"private parts of jax are not where this package looks for them ({error}): it is known to work with {known}, "
        f"and there are {there}; {INSTALL}"
    )


def _version(package):
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "(none)"


@contextlib.contextmanager
def _patience(what):
    """Says on standard error, every `PATIENCE` seconds, that this is still going on."""
    began, over = time.perf_counter(), threading.Event()

    def tell():
        while not over.wait(PATIENCE):
            print(f"{what}, {time.perf_counter() - began:.0f} s so far", file=sys.stderr, flush=True)

    teller = threading.Thread(target=tell, daemon=True)
    teller.start()
    try:
        yield
    finally:
        over.set()
        teller.join()
