"""The TPU compiler, libtpu, on a machine without a TPU: the one file that reaches into private parts of jax.

`process` runs it as a process of its own, because libtpu ends the process in which it meets what it cannot compile.
So it imports nothing of this package and no TensorFlow. It reads pickled requests from standard input and writes a
pickled answer, (kind, content), to each to standard output, until there are no more.

jax can describe a TPU that is not there (`jax.experimental.topologies`), and TensorFlow hands out the program of a
`tf.function` in XLA's own language. What leads from the one to the other has no public interface.
"""

import os
import pickle
import sys
from typing import Any

DEVICES, PROGRAM, ABSENT, UNKNOWN, MOVED, REFUSED = "devices", "program", "absent", "unknown", "moved", "refused"
"""Kinds of answers: where the chips are, the program, and four messages: no compiler, no such TPU, another jax, no."""


def answer(request: dict[str, Any]) -> tuple[str, Any]:
    """Returns (kind, content) for a request.

    Args:
        request: dict of `topology`, its name; `options` for libtpu; and, where something is to be compiled, `hlo`,
            bytes from TensorFlow; `chips`, how many of the topology's to compile for; `split`, for each of the first
            arguments (rank, axis along which the chips share it or None).
    """
    try:
        import libtpu  # noqa: F401
        from jax.experimental import topologies
    except ImportError as error:
        return ABSENT, str(error)
    try:
        found = topologies.get_topology_desc(
            platform="tpu", topology_name=request["topology"], **request["options"]
        ).devices
    except Exception as error:
        return UNKNOWN, (str(error).splitlines() or [type(error).__name__])[0].split(": ", 1)[-1]
    if "hlo" not in request:
        return DEVICES, [tuple(device.coords) for device in found]
    chips = request["chips"]
    shardings = [_sharding(rank, axis, chips) for rank, axis in request["split"]]
    try:
        return PROGRAM, _program(_compile(request["hlo"], tuple(found)[:chips], shardings))
    except (ImportError, AttributeError, TypeError, KeyError) as error:
        return MOVED, str(error)
    except Exception as error:
        return REFUSED, str(error)


def _compile(hlo, devices, shardings):
    """Compiles TensorFlow's HLO for all `devices`, its first arguments shared as `shardings` say."""
    import numpy as np
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
    """What is to be known of a compiled program, and its text."""
    memory, cost = executable.get_compiled_memory_stats(), executable.cost_analysis()
    return dict(
        argument_bytes=memory.argument_size_in_bytes,
        output_bytes=memory.output_size_in_bytes - memory.alias_size_in_bytes,
        temporary_bytes=memory.temp_size_in_bytes,
        code_bytes=memory.generated_code_size_in_bytes,
        flops=cost.get("flops", 0.0),
        bytes_accessed=cost["bytes accessed"],
        text=executable.hlo_modules()[0].to_string(),
    )


def main() -> None:
    """Answers the requests of standard input."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libtpu prints must not stand among the answers
    while True:
        try:
            request = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        pickle.dump(answer(request), answers)
        answers.flush()


if __name__ == "__main__":
    main()
