"""The TPU compiler, libtpu, on a machine without a TPU: the one file that reaches into private parts of jax.

jax can describe a TPU that is not there (`jax.experimental.topologies`), and TensorFlow hands out the program of a
`tf.function` in XLA's own language. What leads from the one to the other has no public interface.
"""

import contextlib
import importlib.metadata
import math
import os
import re
from typing import NamedTuple

import numpy as np

from tf_tricks.errors import RequestError, RunError, unknown
from tf_tricks.tpu.chips import CHIPS
from tf_tricks.tpu.collectives import collectives

VERSIONS = {"jax": "0.10.2", "jaxlib": "0.10.2", "libtpu": "0.0.42.1"}
"""With which this file is known to work; the extra `tpu-check` installs them."""

INSTALL = "pip install -e '.[tpu-check]' (x86-64 Linux, CPython 3.11 or newer)"

_ENVIRONMENT = {
    "TPU_SKIP_MDS_QUERY": "1",  # no cloud's metadata server is asked which TPU this machine has
    "ALLOW_MULTIPLE_LIBTPU_LOAD": "1",  # nobody's TPU is taken, so that several processes may compile
}


class Topology(NamedTuple):
    """A TPU to compile for.

    Attributes:
        name: such as `"v5e:2x2"`.
        kind: of its chips, a key of `chips.CHIPS`.
        devices: as jax describes them, one for each chip.
    """

    name: str
    kind: str
    devices: tuple


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
    def total_bytes(self):
        """Memory in all."""
        return self.argument_bytes + self.output_bytes + self.temporary_bytes + self.code_bytes


class OutOfMemory(RunError):
    """The program needs more memory than a chip has.

    Args:
        needed: bytes that it needs, or None if the compiler does not say.
        available: bytes that a chip has for programs, or None likewise.
    """

    def __init__(self, needed=None, available=None):
        super().__init__(f"the program needs {needed} bytes of a chip's memory, which has {available}")
        self.needed, self.available = needed, available


class NotCompilable(RunError):
    """There is no program for a TPU: TensorFlow or the compiler refuses, with the message that this holds."""


def topology(name):
    """Returns the `Topology` of a name such as `"v5e:2x2"`, or `"v5e:1x1"` for a single chip.

    Raises:
        RequestError: there is no such TPU, or the compiler is not installed.
    """
    kind, _, layout = str(name).partition(":")
    if kind not in CHIPS:
        raise unknown("TPU topology", name, [chip.example for chip in CHIPS.values()])
    sizes = [int(size) for size in layout.split("x")] if re.fullmatch(r"\d{1,5}(x\d{1,5}){1,2}", layout) else [0]
    chip = CHIPS[kind]
    if not 1 <= math.prod(sizes) <= chip.pod:
        raise RequestError(
            f"there is no TPU topology {name!r}: after the colon stands how many chips there are in each direction, "
            f"{chip.pod} at most, for example {chip.example}"
        )
    topologies = _import()
    options = {"chips_per_host_bounds": [*[min(2, size) for size in sizes[:2]], 1]}
    if chip.config:
        options["chip_config_name"] = chip.config
    try:
        with _quiet(), _environment():
            found = topologies.get_topology_desc(platform="tpu", topology_name=name, **options)
    except Exception as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0].split(": ", 1)[-1]
        raise RequestError(f"there is no TPU topology {name!r}; for example {chip.example} ({reason})") from error
    return Topology(name, kind, tuple(found.devices))


def compile_function(function, specs, split_axes, topology):
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
    try:
        hlo = function.experimental_get_compiler_ir(*specs)(stage="hlo_serialized")
    except Exception as error:  # TensorFlow and Keras have many kinds for what cannot be traced or translated
        raise NotCompilable(str(error)) from error
    chips = len(topology.devices)
    shardings = [_sharding(spec.shape.rank, axis, chips) for spec, axis in zip(specs, split_axes)]
    try:
        with _quiet():
            return _program(_compile(hlo, topology.devices, shardings))
    except (ImportError, AttributeError, TypeError, KeyError) as error:
        raise _moved(error) from error
    except Exception as error:
        raise _explained(str(error)) from error


def usable_memory(topology):
    """Returns how many bytes of a chip's memory programs can have, by asking the compiler for more."""
    import tensorflow as tf

    @tf.function(autograph=False, jit_compile=True)
    def too_large(x):
        return tf.reduce_sum(tf.sin(x))

    spec = tf.TensorSpec([1024, 1024, 1024, 64], tf.float32)
    try:
        compile_function(too_large, [spec], [None], topology._replace(devices=topology.devices[:1]))
    except OutOfMemory as error:
        if error.available:
            return error.available
    return CHIPS[topology.kind].memory


def _import():
    """Returns jax's module of topologies."""
    try:
        import libtpu  # noqa: F401
        from jax.experimental import topologies
    except ImportError as error:
        raise RequestError(f"the TPU compiler is not installed ({error}): {INSTALL}") from error
    return topologies


def _compile(hlo, devices, shardings):
    """Compiles TensorFlow's HLO for all `devices`, its first arguments shared as `shardings` say."""
    from jax._src.interpreters import mlir as jax_mlir
    from jax._src.lib import _jax, xla_client
    from jaxlib.mlir import ir

    chips = len(devices)
    options = xla_client.CompileOptions()
    options.num_replicas, options.num_partitions = 1, chips
    options.executable_build_options.num_replicas = 1
    options.executable_build_options.num_partitions = chips
    options.executable_build_options.use_spmd_partitioning = chips > 1
    options.device_assignment = xla_client.DeviceAssignment.create(np.arange(chips).reshape(1, chips))
    with jax_mlir.make_ir_context():
        module = ir.Module.parse(_jax.mlir.hlo_to_stablehlo(hlo))
        _remove_copies(module, ir.WalkResult.ADVANCE)
        for function in module.body.operations:
            if function.attributes["sym_name"].value == "main" and chips > 1:
                every = shardings + ["{replicated}"] * (len(function.regions[0].blocks[0].arguments) - len(shardings))
                attributes = [ir.DictAttr.get({"mhlo.sharding": ir.StringAttr.get(one)}) for one in every]
                function.attributes["arg_attrs"] = ir.ArrayAttr.get(attributes)
        return devices[0].client.compile(module, xla_client.DeviceList(devices), options)


def _remove_copies(module, advance):
    """Removes the operation with which TensorFlow marks results: the TPU compiler does not know it."""
    copies = []

    def note(operation):
        if operation.name == "mhlo.copy":
            copies.append(operation)
        return advance

    module.operation.walk(note)
    for copy in copies:
        copy.results[0].replace_all_uses_with(copy.operands[0])
        copy.erase()


def _sharding(rank, axis, chips):
    if axis is None:
        return "{replicated}"
    return f"{{devices=[{','.join(str(chips) if i == axis else '1' for i in range(rank))}]<=[{chips}]}}"


def _program(executable):
    memory, cost = executable.get_compiled_memory_stats(), executable.cost_analysis()
    text = executable.hlo_modules()[0].to_string()
    exchanges = collectives(text)
    sums = exchanges.pop("all-reduce", (0, 0))
    return Program(
        argument_bytes=memory.argument_size_in_bytes,
        output_bytes=memory.output_size_in_bytes - memory.alias_size_in_bytes,
        temporary_bytes=memory.temp_size_in_bytes,
        code_bytes=memory.generated_code_size_in_bytes,
        flops=cost.get("flops", 0.0),
        bytes_accessed=cost["bytes accessed"],
        all_reduces=sums[0],
        all_reduce_bytes=sums[1],
        other_collectives={name: number for name, (number, _) in exchanges.items()},
        loops=text.count(" while("),
    )


def _explained(text):
    """Returns the exception for a message of the compiler."""
    if "RESOURCE_EXHAUSTED" not in text:
        return NotCompilable(text)
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
def _environment():
    """Sets what libtpu is to find in the environment, and only for now: a real TPU wants it otherwise."""
    missing = {key: value for key, value in _ENVIRONMENT.items() if key not in os.environ}
    os.environ.update(missing)
    try:
        yield
    finally:
        for key in missing:
            os.environ.pop(key, None)


@contextlib.contextmanager
def _quiet():
    """Keeps to itself what the compiler prints on standard error; what it has to say comes as an exception."""
    kept, nothing = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nothing)
