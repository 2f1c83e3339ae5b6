"""Images that an augmentation cannot take, or that cannot be meant, get a sentence before anything is changed."""

import numpy as np
import pytest

import tf_tricks as tt
from tf_tricks import RequestError, augment

IMAGES = np.random.default_rng(0).integers(0, 255, (2, 6, 6, 3)).astype("uint8")
LEVELS = [
    "gaussian_noise", "brightness", "contrast", "saturation", "hue", "sharpness", "blur", "solarize", "posterize",
    "equalize", "autocontrast", "invert", "rand_augment", "trivial_augment", "aug_mix",
]  # fmt: skip
"""All whose results depend on what is black and what is white."""


@pytest.mark.parametrize("dtype", ["uint16", "int32"])
@pytest.mark.parametrize("name", LEVELS)
def test_other_integers(name, dtype):
    with pytest.raises(RequestError, match=f"takes images of uint8 or floats, not {dtype}: cast them to float32"):
        augment.get(name)(IMAGES.astype(dtype))


@pytest.mark.parametrize("fill_value", [300, -1])
@pytest.mark.parametrize("name", ["translation", "rotation", "pad_and_crop", "cutout", "random_erasing"])
def test_a_fill_value_that_the_images_cannot_hold(name, fill_value):
    with pytest.raises(RequestError, match=f"must be from 0 to 255 for images of uint8, not {fill_value}"):
        augment.get({"name": name, "fill_value": fill_value})(IMAGES)
    augment.get({"name": name, "fill_value": fill_value})(IMAGES.astype("float32"))  # floats can


@pytest.mark.parametrize("name", ["posterize", "equalize", "solarize"])
def test_floats_up_to_1_in_a_range_up_to_255(name):
    floats = IMAGES.astype("float32") / 255
    with pytest.raises(RequestError, match=r"look as if they were from 0 to 1: give it value_range=\(0, 1\)"):
        augment.get(name)(floats)
    augment.get({"name": name, "value_range": (0, 1)})(floats)


def test_the_trainer_looks_at_examples_before_the_first_step():
    floats = IMAGES.astype("float32") / 255
    model = tt.models.get("mlp", input_shape=(6, 6, 3), num_outputs=2)
    stream = tt.data.Stream((floats, np.arange(2)), augment=augment.get("posterize"))
    with pytest.raises(RequestError, match="look as if they were from 0 to 1"):
        tt.Trainer(model, "sgd", 0.01, 2).fit(stream, 1, verbose=0)


def test_black_and_nearly_black_images_are_images():
    augment.get("posterize")(np.zeros((2, 6, 6, 3), "float32"))
    augment.get("posterize")(np.ones((2, 6, 6, 3), "float32"))
