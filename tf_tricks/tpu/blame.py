"""Which layer or operation keeps a step from a TPU, and what to use instead: the compiler's message as a sentence."""

import os
import re
import traceback
from typing import Any, NamedTuple

_ON_HOST = "do it on the host, in tf.data, or write it in other keras.ops"
_PYTHON = (
    "runs Python code (tf.py_function or tf.numpy_function)",
    "write it in keras.ops, or do it on the host, in tf.data",
)
_PIXELS = (
    "moves pixels in a way that XLA cannot compile",
    "use tf_tricks.augment, where rotation, translation, zoom and shear compile",
)
_TEXT = ("handles text", "do that on the host, in tf.data")
_PRINT = ("prints", "leave tf.print out of the step")
_RESIZE = ("resizes in a way that XLA cannot compile", "use keras.ops.image.resize with interpolation='bilinear'")
OPERATIONS = {
    "PyFunc": _PYTHON,
    "PyFuncStateless": _PYTHON,
    "EagerPyFunc": _PYTHON,
    "ImageProjectiveTransformV2": _PIXELS,
    "ImageProjectiveTransformV3": _PIXELS,
    "StringFormat": _PRINT,
    "PrintV2": _PRINT,
    "AsString": _TEXT,
    "StringSplitV2": _TEXT,
    "StringToHashBucketFast": _TEXT,
    "ResizeBicubic": _RESIZE,
    "ResizeArea": _RESIZE,
    "CropAndResize": ("cuts out and resizes in a way that XLA cannot compile", "use keras.ops.image.crop_images"),
}
"""For operations that exist on the host only: what they do, and what to use instead."""

INSTEAD_OF_LAYERS = {
    "RandomRotation": "Rotation",
    "RandomTranslation": "Translation",
    "RandomZoom": "Zoom",
    "RandomShear": "Shear",
    "RandAugment": "RandAugment",
    "AugMix": "AugMix",
}
"""For layers of Keras: the augmentation of `tf_tricks.augment` that does the same and compiles."""

_OURS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


class Culprit(NamedTuple):
    """What TensorFlow's message names.

    Attributes:
        operation: the kind of the operation, such as `"PyFunc"`.
        node: its name, a path of scopes.
    """

    operation: str
    node: str


def explain(text: str, model: Any) -> str:
    """Returns the sentence that says what is to blame and what to use instead.

    Args:
        text: the message of TensorFlow or of the compiler.
        model: the `keras.Model`.
    """
    unsupported = re.search(
        r"Detected unsupported operations.*?: (\w+) \(No registered.*?{{node ([^}]+)}}", text, re.DOTALL
    )
    if unsupported:
        culprit = Culprit(*unsupported.groups())
        layer = _layer_of(culprit.node, model)
        does, instead = OPERATIONS.get(culprit.operation, ("needs the host", _ON_HOST))
        if type(layer).__name__ in INSTEAD_OF_LAYERS and type(layer).__module__.startswith("keras."):
            instead = (
                f"use tf_tricks.augment.{INSTEAD_OF_LAYERS[type(layer).__name__]}, which does the same and compiles"
            )
        return f"{_who(layer, text)} {does}, and {culprit.operation} exists on the host only: {instead}"
    dynamic = re.search(r"Input \d+ to node `([^`]+)` with op (\w+) must be a compile-time constant", text)
    if dynamic:
        node, operation = dynamic.groups()
        return (
            f"{_who(_layer_of(node, model), text)} makes a shape that depends on values ({operation}), and a TPU needs "
            "shapes that are known beforehand: keep the shape and mask what is not wanted (keras.ops.where), or pad to "
            "a fixed length"
        )
    if "variable.var()" in text and "is_initialized" in text:
        return "the step uses a resource that is no variable, such as a lookup table: look up on the host, in tf.data"
    return plainly(text)


def name_of(layer: Any) -> str:
    """Returns how a sentence names a layer."""
    return f"the layer {layer.name!r} ({type(layer).__name__})"


def plainly(text: str) -> str:
    """Returns the first two lines of a message that say something, without colours."""
    lines = [line.strip() for line in re.sub(r"\x1b\[\d*m", "", text).splitlines()]
    return " ".join([line for line in lines if line][:2])[:400]


def line_of(error: BaseException) -> str | None:
    """Returns the innermost line of the user's own code that raised an error, such as "model.py, line 7", or None."""
    frames = [(frame.filename, frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
    theirs = [
        (file, line)
        for file, line in frames
        if not file.startswith(_OURS + os.sep) and not re.search(r"\b(site|dist)-packages\b", file)
    ]
    return f"{os.path.basename(theirs[-1][0])}, line {theirs[-1][1]}" if theirs else None


def _layer_of(node, model):
    """The innermost layer in whose scope the node is. Keras numbers the scopes: `conv` becomes `conv_1`."""
    layers = {layer.name: layer for layer in model._flatten_layers(include_self=False)}
    for scope in reversed(node.split("/")[:-1]):
        for name in (re.sub(r"_\d+$", "", scope), scope):
            if name in layers:
                return layers[name]
    return None


def _who(layer, text):
    made = _user_line(text)
    made = f", made in {made}," if made else ""
    return f"{name_of(layer)}{made}" if layer is not None else f"an operation of the step{made}"


def _user_line(text):
    """The innermost line of the user's own code below the trainer's step, or None."""
    frames = re.findall(r'File "([^"]+)", line (\d+)', text)
    start = _common_folder([file for file, _ in frames])
    ours = [i for i, (file, _) in enumerate(frames) if os.path.join(start, file).startswith(_OURS + os.sep)]
    below = frames[ours[-1] + 1 if ours else 0 :]
    theirs = [(file, line) for file, line in below if not re.search(r"\b(site|dist)-packages\b", file)]
    return f"{os.path.basename(theirs[-1][0])}, line {theirs[-1][1]}" if theirs else None


def _common_folder(files):
    """The folder that all of them are in, whose name TensorFlow has left out: where most of them are found."""
    folders = [_OURS]
    while folders[-1] != os.path.dirname(folders[-1]):
        folders.append(os.path.dirname(folders[-1]))
    return max(folders, key=lambda folder: sum(os.path.isfile(os.path.join(folder, file)) for file in set(files)))
