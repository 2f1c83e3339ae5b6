"""Tiny stand-ins for TFDS sets, prepared in temporary folders: no test needs a network or a real data set."""

import numpy as np
import tensorflow_datasets as tfds


def gray_images(part):
    """Distinct images, the first pixel of which is their number."""
    number = {"train": 40, "test": 12}[part]
    images = np.random.RandomState(number).randint(0, 256, (number, 28, 28, 1)).astype("uint8")
    images[:, 0, 0, 0] = np.arange(number)
    return images


class TinyGray(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """Like Fashion-MNIST: all images of one size, train and test."""

    VERSION = tfds.core.Version("1.0.0")
    pkg_dir_path = None

    def _info(self):
        label = tfds.features.ClassLabel(names=["zero", "one", "two", "three"])
        image = tfds.features.Image(shape=(28, 28, 1))
        features = tfds.features.FeaturesDict({"id": tfds.features.Text(), "image": image, "label": label})
        return tfds.core.DatasetInfo(builder=self, features=features, supervised_keys=("image", "label"))

    def _split_generators(self, dl_manager):
        return {part: self._generate_examples(part) for part in ("train", "test")}

    def _generate_examples(self, part):
        for i, image in enumerate(gray_images(part)):
            yield i, {"id": str(i), "image": image, "label": i % 4}


class TinyPhotos(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """Like ImageNet: JPEGs of any size, a validation part, a test part without labels. Colour tells the class."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        features = {
            "image": tfds.features.Image(encoding_format="jpeg"),
            "label": tfds.features.ClassLabel(num_classes=4),
        }
        return tfds.core.DatasetInfo(
            builder=self, features=tfds.features.FeaturesDict(features), supervised_keys=("image", "label")
        )

    def _split_generators(self, dl_manager):
        return {part: self._generate_examples(part) for part in ("train", "validation", "test")}

    def _generate_examples(self, part):
        for i in range({"train": 24, "validation": 8, "test": 4}[part]):
            image = np.full((20 + 3 * (i % 5), 20 + 2 * (i % 7), 3), 60 * (i % 4), "uint8")
            yield i, {"image": image, "label": -1 if part == "test" else i % 4}


class TinyPairs(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """No image classification."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        features = tfds.features.FeaturesDict({"question": tfds.features.Text(), "answer": tfds.features.Text()})
        return tfds.core.DatasetInfo(builder=self, features=features, supervised_keys=("question", "answer"))

    def _split_generators(self, dl_manager):
        return {"train": iter([(0, {"question": "?", "answer": "!"})])}

    def _generate_examples(self):
        raise NotImplementedError


def prepare(builder, folder, file_format):
    tfds.disable_progress_bar()
    builder(data_dir=folder, file_format=file_format).download_and_prepare()
    return folder
