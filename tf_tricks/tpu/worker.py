"""The TPU compiler, libtpu, on a machine without a TPU.

`process` runs it as a process of its own, because libtpu ends the process in which it meets what it cannot compile, and
prints on standard error as it starts. So it imports nothing of this package and no TensorFlow. It reads pickled
requests from standard input and writes a pickled answer, (kind, content), to each to standard output, until there are
no more.

What the JAX engine has exported takes public parts of jax alone: `jax.experimental.topologies` describes a TPU that is
not there, `jax.jit` compiles for it. What comes from TensorFlow is for `hlo.py`, beside this file.
"""

import os
import pickle
import runpy
import sys
from typing import Any

DEVICES, PROGRAM, ABSENT, UNKNOWN, MOVED, REFUSED = "devices", "program", "absent", "unknown", "moved", "refused"
"""Kinds of answers: where the chips are, the program, and four messages: no compiler, no such TPU, another jax, no."""

_PRIVATE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "hlo.py")
_TOO_LARGE = (1024, 1024, 1024, 64)


def answer(request: dict[str, Any]) -> tuple[str, Any]:
    """Returns (kind, content) for a request.

    Args:
        request: dict of `topology`, its name; `options` for libtpu; and, where something is to be compiled, `chips`,
            how many of the topology's to compile for, and one of these: `exported`, bytes from `jax.export`, whose
            first argument may be used up; `hlo`, bytes from TensorFlow, and `split`, for each of the first arguments
            (rank, axis along which the chips share it or None); neither, for a program that no chip has the memory for.
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
    if "chips" not in request:
        return DEVICES, [tuple(device.coords) for device in found]
    devices = tuple(found)[: request["chips"]]
    try:
        if "hlo" in request:
            compile_hlo = runpy.run_path(_PRIVATE)["compile_hlo"]
            return PROGRAM, _program(**compile_hlo(request["hlo"], devices, request["split"]))
        return PROGRAM, _compile(request.get("exported"), devices)
    except (ImportError, AttributeError, TypeError, KeyError) as error:
        return MOVED, str(error)
    except Exception as error:
        return REFUSED, str(error)


def _compile(exported, devices):
    """Compiles what has been exported, for as many devices as it was exported for; None is the program too large."""
    import jax
    import numpy as np
    from jax import export
    from jax.sharding import Mesh

    mesh = Mesh(np.array(devices), ("batch",))
    if exported is None:
        sharding = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec())
        spec = jax.ShapeDtypeStruct(_TOO_LARGE, "float32", sharding=sharding)
        lowered = jax.jit(lambda x: jax.numpy.sin(x).sum()).lower(spec)
    else:
        program = export.deserialize(bytearray(exported))
        specs = [
            jax.ShapeDtypeStruct(one.shape, one.dtype, sharding=sharding)
            for one, sharding in zip(program.in_avals, program.in_shardings_jax(mesh))
        ]
        arguments, _ = jax.tree.unflatten(program.in_tree, specs)
        lowered = jax.jit(program.call, donate_argnums=0).lower(*arguments)
    compiled = lowered.compile()
    return _program(compiled.memory_analysis(), compiled.cost_analysis(), compiled.as_text())


def _program(memory, cost, text):
    """What is to be known of a compiled program, and its text."""
    return dict(
        argument_bytes=memory.argument_size_in_bytes,
        output_bytes=memory.output_size_in_bytes - memory.alias_size_in_bytes,
        temporary_bytes=memory.temp_size_in_bytes,
        code_bytes=memory.generated_code_size_in_bytes,
        flops=cost.get("flops", 0.0),
        bytes_accessed=cost["bytes accessed"],
        text=text,
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
