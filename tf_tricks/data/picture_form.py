"""How pictures become the inputs of a model that was trained: their size, their channels and their values."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from tf_tricks import users_code
from tf_tricks.annotations import Structure, Tensor
from tf_tricks.data.decode import RESIZES, central_window, decoder, decoders, whole_window
from tf_tricks.data.input_spec import InputSpec, white_of
from tf_tricks.data.model_inputs import packed, tensors_of
from tf_tricks.errors import RequestError
from tf_tricks.registry import entries


class PictureForm(NamedTuple):
    """How pictures become the inputs of a model.

    Attributes:
        model: that takes them.
        shape: (height, width, channels).
        dtype: of the inputs.
        white: what a picture's 255 becomes.
        decode: function (encoded, position, size, channels) -> image, see `tf_tricks.data.decode`.
        said: lines for the user, on what had to be assumed.
    """

    model: keras.Model
    shape: tuple[int, int, int]
    dtype: str
    white: float
    decode: Callable[..., Tensor]
    said: tuple[str, ...]

    def inputs(self, images: Tensor) -> Structure:
        """Returns the model's inputs, in its structure, for decoded images, uint8 [b, height, width, channels]."""
        if self.white == 255:
            return packed(self.model, [tf.cast(images, self.dtype)])
        values = tf.cast(images, tf.float32) * np.float32(self.white / 255)
        return packed(self.model, [tf.cast(tf.round(values) if self._is_integer else values, self.dtype)])

    @property
    def _is_integer(self):
        return tf.as_dtype(self.dtype).is_integer


def form_of(config: Mapping[str, Any] | None, model: keras.Model, spec: InputSpec | None) -> PictureForm:
    """Returns the `PictureForm` of a run's model: as evaluation has seen the pictures in training.

    Args:
        config: of the run: the key `data` says how pictures are brought to size; None of a run of `Trainer.fit`.
        model: the run's.
        spec: what the training inputs were, or None where the run does not say it.

    Raises:
        RequestError: the model takes no pictures, or none whose size and values are known.
    """
    expected = tensors_of(model, spec)
    shape, dtype = next(iter(expected.values())) if len(expected) == 1 else ((), "")
    if spec is not None and len(spec.shape) == 3:
        shape = tuple(known or trained for known, trained in zip(shape, spec.shape))
    if len(shape) != 3 or None in shape or shape[-1] not in (1, 3) or dtype == "string":
        what = ", ".join(f"{name} {list(shape)}" for name, (shape, _) in expected.items()) or "of a kind not known"
        raise RequestError(f"the model takes no pictures of a known size, its inputs are {what}")
    white = white_of(spec)
    decode, assumed = _decoder(config, shape)
    said, colors = [], {1: "gray", 3: "colors"}[shape[-1]]
    if assumed:
        said.append(
            f"pictures are stretched to {shape[0]} × {shape[1]}, {colors}: the run's data say nothing of pictures"
        )
    if white != 255:
        said.append(f"their values, 0 to 255, are brought to 0 to {white:g}, those of the training images")
    elif spec is None and dtype != "uint8":
        said.append("their values stay 0 to 255: the run does not keep the range of its training images")
    height, width, channels = (int(length) for length in shape if length is not None)
    return PictureForm(model, (height, width, channels), dtype, white, decode, tuple(said))


def _decoder(config, shape):
    """How pictures are decoded, as evaluation does in training, and whether that had to be assumed."""
    given = {} if config is None else config["data"]
    given = {"name": given} if isinstance(given, str) else dict(given)
    name = given.get("name")
    made = entries("data")[name].make if name in entries("data") else None
    default = inspect.signature(made).parameters.get("resize") if made is not None else None
    resize = given.get("resize", None if default is None else default.default)
    if resize in RESIZES:
        return decoders(resize, 0, tuple(shape[:2]))[1], False
    of_tfds = isinstance(name, str) and made is None and not users_code.is_name(name)
    if of_tfds and given.get("image_size") is not None:  # which takes the middle
        return decoder(central_window(1.0)), False
    return decoder(whole_window), True
