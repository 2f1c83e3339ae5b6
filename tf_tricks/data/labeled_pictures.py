"""Pictures in folders of known classes, as the inputs of a model that was trained on these classes."""

import os
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from tf_tricks.annotations import Structure, Tensor
from tf_tricks.data import image_files
from tf_tricks.data.encoded_source import EncodedSource
from tf_tricks.data.image_files import ImageFiles
from tf_tricks.data.model_inputs import packed
from tf_tricks.data.picture_form import PictureForm
from tf_tricks.data.picture_labels import classes_of
from tf_tricks.errors import RequestError


class LabeledPictures:
    """Pictures and their classes, decoded when they are fetched, as a model takes them.

    Args:
        images: source of the pictures, decoded as `form` says.
        form: how they become the model's inputs.

    Attributes: those of `ArraySource`.
    """

    def __init__(self, images: EncodedSource, form: PictureForm):
        self._images, self._form = images, form
        self.num_examples = images.num_examples
        self.input_shape = packed(form.model, [form.shape])
        self.input_dtype = packed(form.model, [form.dtype])
        self.labels, self.label_names, self.has_weights = images.labels, images.label_names, False
        self.num_classes = self.num_outputs = images.num_classes

    def fetch(self, indices: Tensor, positions: Tensor) -> tuple[Structure, Tensor]:
        """Returns (inputs, labels int32 [b]), as `EncodedSource.fetch` does, as the model takes them."""
        images, labels = self._images.fetch(indices, positions)
        with tf.device("CPU:0"):
            return self._form.inputs(images), labels

    def find_damage(self) -> str | None:
        """Returns what is wrong with the first picture that cannot be decoded, with its path."""
        return self._images.find_damage()


def read_labeled(place: Any, form: PictureForm, class_names: Sequence[str]) -> LabeledPictures:
    """Returns the pictures below a folder that has a sub-folder for each class, or for some of them.

    Args:
        place: the folder, an `etils.epath.Path`.
        form: how they become the model's inputs.
        class_names: of the classes, in the order of their numbers.

    Raises:
        RequestError: there are no pictures, some are damaged, or they are of no class.
    """
    found = image_files.find(place)
    if not found.pictures:
        raise RequestError(f"there are no pictures (JPEG, PNG, GIF, BMP, WebP) in {os.fspath(place)!r}")
    classes = classes_of(place, found.pictures, class_names)
    damaged = image_files.damaged(place, found)
    if damaged:
        raise RequestError(f"{os.fspath(place)!r} has {image_files.in_words(damaged)}; mend or remove them")
    files = ImageFiles([os.path.join(os.fspath(place), path) for path in found.pictures], classes)
    height, width, channels = form.shape
    images = EncodedSource(files, form.decode, (height, width), len(class_names), class_names, channels)
    return LabeledPictures(images, form)
