"""Pictures that are to be predicted."""

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tf_tricks.data import image_files, pictures
from tf_tricks.data.input_spec import InputSpec
from tf_tricks.data.picture_form import form_of
from tf_tricks.data.unlabeled import Inputs
from tf_tricks.errors import RequestError


def of_folder(place: Any, config: Mapping[str, Any] | None, model: keras.Model, spec: InputSpec | None) -> Inputs:
    """Returns the pictures below a folder; arguments as of `inputs.read_inputs`, the path an `etils.epath.Path`."""
    found = image_files.find(place)
    names, others = found.pictures, len(found.others)
    if not names:
        raise RequestError(f"there is no picture ({', '.join(pictures.SUFFIXES)}) in {str(place)!r}")
    said = (f"passed over, no pictures: {others} file{'s' if others > 1 else ''}",) if others else ()
    return _of_pictures(place, names, said, config, model, spec)


def of_file(place: Any, config: Mapping[str, Any] | None, model: keras.Model, spec: InputSpec | None) -> Inputs:
    """Returns a single picture; arguments as of `of_folder`."""
    return _of_pictures(place.parent, [place.name], (), config, model, spec)


def _of_pictures(folder, names, said, config, model, spec):
    form = form_of(config, model, spec)
    height, width, channels = form.shape

    def one(name):
        try:
            encoded = pictures.read(os.fspath(folder / name))
            return form.decode(encoded, 0, (height, width), channels).numpy()
        except OSError as error:
            return str(error).split("cannot be read: ", 1)[-1]
        except tf.errors.OpError as error:
            return pictures.as_reason(error.message)

    def fetch(indices):
        with ThreadPoolExecutor(max(2, os.cpu_count() or 2)) as threads:
            found = list(threads.map(one, [names[i] for i in indices]))
        damaged = {i: image for i, image in enumerate(found) if isinstance(image, str)}
        read = [image for image in found if not isinstance(image, str)]
        images = np.stack(read) if read else np.zeros((0, *form.shape), "uint8")
        return tf.nest.map_structure(np.asarray, form.inputs(images)), damaged

    return Inputs([Path(name).as_posix() for name in names], fetch, (*said, *form.said))
