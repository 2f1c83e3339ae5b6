"""A TensorFlow Lite file, for phones and small devices; in floats, or in 8-bit integers."""

import os
import re
import tempfile
from collections.abc import Callable, Iterable

import keras
import numpy as np
import tensorflow as tf

from tf_tricks.errors import RequestError
from tf_tricks.export.comparison import Arrays
from tf_tricks.export.signature import Signature


def write(
    model: keras.Model,
    signature: Signature,
    path: str | os.PathLike[str],
    calibration: Iterable[Arrays] | None = None,
) -> Signature:
    """Writes a file of operations that every TensorFlow Lite has, for batches of any size where that is possible.

    A recurrent layer is a loop over lists of tensors, which TensorFlow Lite has for a known batch only: such a model
    takes one example at a time.

    Args:
        model: a built `keras.Model` that computes in float32.
        signature: its inputs.
        path: of the file.
        calibration: examples, each a batch of one, to choose the ranges of the integers by; None leaves floats. The
            inputs and the outputs keep their dtypes.

    Returns:
        the inputs of the file, whose batch is None, or 1.

    Raises:
        RequestError: TensorFlow Lite lacks an operation that the model has, or cannot choose the ranges of one.
    """
    examples = None if calibration is None else list(calibration)
    if examples is not None:
        _check_ranges(model, signature)
    try:
        content = _converted(model, signature, examples)
    except _Untranslatable as error:
        if "TensorList" not in str(error) or signature.batch_size is not None:
            raise RequestError(_sentence(model, error)) from error
        signature = signature.with_batch_size(1)
        try:
            content = _converted(model, signature, examples)
        except _Untranslatable as again:
            raise RequestError(_sentence(model, again)) from again
    with open(path, "wb") as file:
        file.write(content)
    return signature


def load(path: str | os.PathLike[str], signature: Signature) -> Callable[[Arrays], Arrays]:
    """Returns the model in such a file as a function of arrays by name.

    Args:
        path: of the file.
        signature: what `write` has returned.
    """
    runner = tf.lite.Interpreter(os.fspath(path)).get_signature_runner()

    def run(arrays):
        if signature.batch_size != 1:
            return runner(**arrays)
        number = len(next(iter(arrays.values())))
        each = [runner(**{name: array[i : i + 1] for name, array in arrays.items()}) for i in range(number)]
        return {name: np.concatenate([outputs[name] for outputs in each]) for name in each[0]}

    return run


class _Untranslatable(Exception):
    """What the converter says."""


def _converted(model, signature, calibration):
    archive = keras.export.ExportArchive()
    archive.track(model)
    archive.add_endpoint("serve", signature.function(model), input_signature=list(signature.specs.values()))
    with tempfile.TemporaryDirectory() as folder:
        archive.write_out(folder, verbose=False)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        if calibration is not None:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.representative_dataset = lambda: iter(calibration)
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        try:
            return converter.convert()
        except Exception as error:  # of whatever class: it says in its text what is the matter
            raise _Untranslatable(str(error)) from error


def _check_ranges(model, signature):
    """Raises a `RequestError` for what ends the process where the converter looks for ranges: nobody could tell why."""
    traced = tf.function(signature.function(model), autograph=False)
    graph = traced.get_concrete_function(*signature.specs.values()).graph.as_graph_def()
    nodes = [*graph.node, *(node for function in graph.library.function for node in function.node_def)]
    for node in nodes:
        if node.op in _WITHOUT_RANGES:
            raise RequestError(
                f"the model {model.name!r} cannot be in 8-bit integers: TensorFlow Lite finds no ranges in one with "
                f"{_WITHOUT_RANGES[node.op]}{_layer(model, [node.name])}; leave out --quantize"
            )
    for name, spec in signature.specs.items():
        if spec.dtype == tf.string:
            raise RequestError(
                f"the model {model.name!r} cannot be in 8-bit integers: TensorFlow Lite finds no ranges in one that "
                f"takes texts, as {name!r} is; leave out --quantize"
            )


_LOOP = "a loop (recurrent layers have none with unroll=True)"
_CONDITION = "a condition"
_WITHOUT_RANGES = {"While": _LOOP, "StatelessWhile": _LOOP, "LookupTableFindV2": "a lookup"}
_WITHOUT_RANGES |= dict.fromkeys(("If", "StatelessIf", "Case", "StatelessCase"), _CONDITION)


def _layer(model, paths):
    """Says which layer an operation is of, by its path, whose parts have numbers behind the names of the layers."""
    names = {layer.name for layer in model._flatten_layers(include_self=False)}
    parts = [part for path in paths for part in path.split("/")]
    known = [name for part in parts for name in (part, re.sub(r"_\d+$", "", part)) if name in names]
    return f", as the layer {known[-1]!r} has" if known else ""


def _sentence(model, error):
    text = str(error)
    operations = dict.fromkeys(re.findall(r"'tf\.(\w+)' op is neither", text)) or dict.fromkeys(
        re.findall(r"'(?:tf|tfl)\.(\w+)' op", text)
    )
    if not operations:
        return f"the model {model.name!r} cannot be a TensorFlow Lite file: {' '.join(text.split())[:300]}"
    where = _layer(model, re.findall(r'fused\["\w+:", "([\w/]+)@', text)[:1])
    return (
        f"the model {model.name!r} cannot be a TensorFlow Lite file: that has no operation for "
        f"{', '.join(f'tf.{name}' for name in operations)}{where}"
    )
