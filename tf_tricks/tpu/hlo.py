"""Programs of TensorFlow compiled for TPUs: the one file that reaches into private parts of jax; `worker` runs it.

jax can describe a TPU that is not there, and TensorFlow hands out the program of a `tf.function` in XLA's own language.
What leads from the one to the other has no public interface.
"""

from typing import Any


def compile_hlo(hlo: bytes, devices: tuple, split: list[tuple[int, int | None]]) -> dict[str, Any]:
    """Compiles TensorFlow's HLO for all `devices` and returns what is to be known of the program, and its text.

    Args:
        hlo: a serialized module.
        devices: of a topology.
        split: for each of the first arguments (rank, axis along which the chips share it or None).
    """
    executable = _compile(hlo, devices, [_sharding(rank, axis, len(devices)) for rank, axis in split])
    return dict(
        memory=executable.get_compiled_memory_stats(),
        cost=executable.cost_analysis(),
        text=executable.hlo_modules()[0].to_string(),
    )


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
