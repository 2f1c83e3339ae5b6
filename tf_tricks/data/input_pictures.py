"""Pictures that are to be predicted."""

import inspect
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tf_tricks import users_code
from tf_tricks.data import image_files, pictures
from tf_tricks.data.decode import RESIZES, central_window, decoder, decoders, whole_window
from tf_tricks.data.input_spec import InputSpec, white_of
from tf_tricks.data.model_inputs import packed, tensors_of
from tf_tricks.data.unlabeled import Inputs
from tf_tricks.errors import RequestError
from tf_tricks.registry import entries


def of_folder(place: Any, config: Mapping[str, Any] | None, model: keras.Model, spec: InputSpec | None) -> Inputs:
    """Returns the pictures below a folder; arguments as of `inputs.read_inputs`, the path an `etils.epath.Path`."""
    if "://" in os.fspath(place):
        raise RequestError(f"a folder of pictures must be a local one, not {os.fspath(place)!r}")
    found = image_files.find(place)
    names, others = found.pictures, len(found.others)
    if not names:
        raise RequestError(f"there is no picture ({', '.join(pictures.SUFFIXES)}) in {str(place)!r}")
    said = [f"passed over, no pictures: {others} file{'s' if others > 1 else ''}"] if others else []
    return _of_pictures(Path(place), names, said, config, model, spec)


def of_file(place: Any, config: Mapping[str, Any] | None, model: keras.Model, spec: InputSpec | None) -> Inputs:
    """Returns a single picture; arguments as of `of_folder`."""
    return _of_pictures(Path(place).parent, [place.name], [], config, model, spec)


def _of_pictures(folder, names, said, config, model, spec):
    expected = tensors_of(model, spec)
    shape, dtype = next(iter(expected.values())) if len(expected) == 1 else ((), "")
    if spec is not None and len(spec.shape) == 3:
        shape = [known or trained for known, trained in zip(shape, spec.shape)]
    if len(shape) != 3 or None in shape or shape[-1] not in (1, 3) or dtype == "string":
        what = ", ".join(f"{name} {list(shape)}" for name, (shape, _) in expected.items()) or "of a kind not known"
        raise RequestError(f"the model takes no pictures of a known size, its inputs are {what}")
    white = white_of(spec)
    decode, assumed = _decoder(config, shape)
    colors = {1: "gray", 3: "colors"}[shape[-1]]
    if assumed:
        said.append(
            f"pictures are stretched to {shape[0]} × {shape[1]}, {colors}: the run's data say nothing of pictures"
        )
    if white != 255:
        said.append(f"their values, 0 to 255, are brought to 0 to {white:g}, those of the training images")
    elif spec is None and dtype != "uint8":
        said.append("their values stay 0 to 255: the run does not keep the range of its training images")

    def one(name):
        try:
            encoded = pictures.read(os.fspath(folder / name))
            return decode(encoded, 0, (shape[0], shape[1]), shape[2]).numpy()
        except OSError as error:
            return str(error).split("cannot be read: ", 1)[-1]
        except tf.errors.OpError as error:
            return pictures.as_reason(error.message)

    def fetch(indices):
        with ThreadPoolExecutor(max(2, os.cpu_count() or 2)) as threads:
            found = list(threads.map(one, [names[i] for i in indices]))
        damaged = {i: image for i, image in enumerate(found) if isinstance(image, str)}
        read = [image for image in found if not isinstance(image, str)]
        images = np.stack(read) if read else np.zeros((0, *shape), "uint8")
        if white != 255:
            images = images * np.float32(white / 255)
            images = np.round(images) if np.issubdtype(dtype, np.integer) else images
        return packed(model, [images.astype(dtype)]), damaged

    return Inputs([Path(name).as_posix() for name in names], fetch, tuple(said))


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
