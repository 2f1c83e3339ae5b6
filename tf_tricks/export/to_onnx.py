"""An ONNX file, for onnxruntime and other runtimes."""

import collections
import functools
import importlib.util
import os
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from tf_tricks.errors import RequestError
from tf_tricks.export.comparison import Arrays
from tf_tricks.export.signature import Signature

PACKAGES = ("tf2onnx", "onnx", "onnxruntime")


def check_installed() -> None:
    """Raises a `RequestError` if a package is missing."""
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise RequestError(f"ONNX needs {', '.join(missing)}: pip install 'tf_tricks[onnx]'")


def write(model: keras.Model, signature: Signature, path: str | os.PathLike[str]) -> None:
    """Writes a file for batches of any size.

    The graph is frozen here, and not by tf2onnx's own functions for Keras's models: for those, constants that a layer
    holds, as the mean of a `Normalization`, are inputs of the file.

    Args:
        model: a built `keras.Model` that computes in float32.
        signature: its inputs.
        path: of the file.

    Raises:
        RequestError: ONNX lacks an operation that the model has.
    """
    import onnx
    import tf2onnx

    traced = tf.function(signature.function(model), autograph=False)
    function = traced.get_concrete_function(*signature.specs.values())
    frozen = convert_variables_to_constants_v2(function, lower_control_flow=False, aggressive_inlining=True)
    inputs = [tensor.name for tensor in frozen.inputs[: len(signature.specs)]]
    outputs = {tensor.name: name for name, tensor in zip(sorted(function.structured_outputs), frozen.outputs)}
    try:
        written, _ = tf2onnx.convert.from_graph_def(
            frozen.graph.as_graph_def(add_shapes=True),
            model.name,
            inputs,
            list(outputs),
            custom_op_handlers={name: (handler, []) for name, handler in _HANDLERS.items()},
            tensors_to_rename=dict(zip(inputs, signature.specs)) | outputs,
        )
    except Exception as error:  # of whatever class
        reason = " ".join(str(error).split())[:300]
        raise RequestError(f"the model {model.name!r} cannot be an ONNX file: {reason}") from error
    unknown = _unknown_operations(written.graph)
    if unknown:
        operations = ", ".join(f"tf.{name}" for name in unknown)
        raise RequestError(f"the model {model.name!r} cannot be an ONNX file: that has no operation for {operations}")
    _name_batch(written, signature)
    onnx.save(written, os.fspath(path))


def load(path: str | os.PathLike[str], signature: Signature) -> Callable[[Arrays], Arrays]:
    """Returns the model in such a file as a function of arrays by name."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors
    session = onnxruntime.InferenceSession(os.fspath(path), options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return lambda arrays: dict(zip(names, session.run(names, dict(arrays))))


def _subtraction(operation, from_one, context, node, name, arguments):
    """1 − f(x), or f(x) − 1, in place of a node; as tf2onnx calls a handler, the two first arguments apart."""
    shapes, dtypes = [context.get_shape(node.output[0])], [context.get_dtype(node.output[0])]
    inputs, outputs = list(node.input), list(node.output)
    context.remove_node(node.name)
    computed = context.make_node(operation, inputs, shapes=shapes, dtypes=dtypes).output[0]
    one = context.make_const(f"{name}_one", np.ones([], "float32")).output[0]
    terms = [one, computed] if from_one else [computed, one]
    return context.make_node("Sub", terms, name=name, outputs=outputs, shapes=shapes, dtypes=dtypes)


# What tf2onnx has not, and Keras's gelu and celu are made of.
_HANDLERS = {
    "Erfc": functools.partial(_subtraction, "Erf", True),
    "Expm1": functools.partial(_subtraction, "Exp", False),
}


def _unknown_operations(graph):
    """The names of operations that ONNX does not have: tf2onnx leaves those in that it cannot translate."""
    import onnx

    found = collections.Counter()
    for node in graph.node:
        if not onnx.defs.has(node.op_type, node.domain):
            found[node.op_type] += 1
        for attribute in node.attribute:
            if attribute.HasField("g"):
                found.update(_unknown_operations(attribute.g))
    return found


def _name_batch(written, signature):
    """Calls the size of a batch so, where it is not fixed."""
    if signature.batch_size is None:
        for value in [*written.graph.input, *written.graph.output]:
            dimensions = value.type.tensor_type.shape.dim
            if dimensions and not dimensions[0].dim_value:
                dimensions[0].dim_param = "batch"
