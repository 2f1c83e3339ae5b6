"""A model in one of the formats: written, loaded again, and held against what it was made of."""

import math
import os
from collections.abc import Callable, Iterable, Sequence

import keras
import numpy as np

from tf_tricks.errors import RequestError, RunError
from tf_tricks.export import to_onnx, to_saved_model, to_tflite
from tf_tricks.export.comparison import Arrays, largest_difference, relative_error
from tf_tricks.export.signature import Signature

TOLERANCES = {"keras": 1e-5, "saved_model": 1e-5, "tflite": 1e-2, "onnx": 1e-4}
"""The largest difference between the outputs of the model and of what was made of it, where those are at most 1."""

INT8_TOLERANCE = 0.5
"""The largest error of 8-bit integers, as a part of the outputs' standard deviation: above it, little is left."""

Run = Callable[[Arrays], Arrays]
"""A model as a function of arrays by name."""


def write(
    model: keras.Model,
    signature: Signature,
    format: str,
    path: str | os.PathLike[str],
    calibration: Iterable[Arrays] | None = None,
) -> tuple[Run, Signature]:
    """Writes a model as `saved_model`, `tflite` or `onnx`, and loads it again.

    Args:
        model: a built `keras.Model`; for `tflite` and `onnx` one that computes in float32.
        signature: its inputs.
        format: one of the three.
        path: of the new file or folder.
        calibration: for 8-bit integers in `tflite`, examples, each a batch of one; None for floats.

    Returns:
        what was loaded, and the inputs that it takes.

    Raises:
        RequestError: the format cannot hold the model, or not run it.
    """
    taken = signature
    if format == "saved_model":
        to_saved_model.write(model, signature, path)
        return to_saved_model.load(path, signature), taken
    if format == "onnx":
        to_onnx.write(model, signature, path)
        return to_onnx.load(path, signature), taken
    taken = to_tflite.write(model, signature, path, calibration)
    return to_tflite.load(path, taken), taken


def check(run: Run, reference: Run, batches: Sequence[Arrays], format: str, allowed: float, int8: bool) -> float:
    """Returns how far what was written is from the model: the largest difference, for integers the relative error.

    Args:
        run: what was written, loaded again.
        reference: the model.
        batches: of examples by name.
        format: for the sentence.
        allowed: the error that is accepted.
        int8: whether it computes in 8-bit integers.

    Raises:
        RequestError: what was written cannot be run.
        RunError: it is too far from the model.
    """
    try:
        outputs = [run(batch) for batch in batches]
    except Exception as error:  # of whatever class the runtime has
        reason = " ".join(str(error).split())[:300]
        raise RequestError(f"the {format} export can be written but not be run, and is not kept: {reason}") from error
    expected = [reference(batch) for batch in batches]
    largest = max(largest_difference(*pair) for pair in zip(expected, outputs))
    if int8 and math.isfinite(largest):
        largest = relative_error(_together(expected), _together(outputs))
    if not largest <= allowed:
        number = len(next(iter(batches[0].values())))
        what = "their error is {:.2g} of the standard deviation" if int8 else "they differ by up to {:.2g}"
        raise RunError(
            f"the outputs of the {format} export are not those of the model: {what.format(largest)} on {number} "
            f"examples, and {allowed:g} is allowed; it is not kept"
        )
    return largest


def _together(batches):
    return {name: np.concatenate([np.atleast_1d(batch[name]) for batch in batches]) for name in batches[0]}


def tolerance(model: keras.Model, format: str, int8: bool) -> float:
    """Returns the error that is accepted: for a model that computes in half precision, what that rounds by, at least.

    Args:
        model: what was exported.
        format: a key of `TOLERANCES`.
        int8: whether it was to compute in 8-bit integers.
    """
    if int8:
        return INT8_TOLERANCE
    rounding = {"float16": 2.0**-10, "bfloat16": 2.0**-7}
    return max([TOLERANCES[format], *(rounding.get(layer.compute_dtype, 0) for layer in model._flatten_layers())])


def is_repeatable(reference: Run, examples: Arrays) -> bool:
    """Returns whether a model gives the same outputs each time, so that an export of it can be checked."""
    return largest_difference(reference(examples), reference(examples)) == 0


def compute_in_float32(model: keras.Model) -> bool:
    """Has a model compute in float32 from now on, whatever it was trained in; returns whether it did not before."""
    others = [layer for layer in model._flatten_layers() if layer.compute_dtype in ("float16", "bfloat16")]
    for layer in others:
        layer.dtype_policy = "float32"
    return bool(others)
