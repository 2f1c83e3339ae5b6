"""Alpha stays as it is where colors change, and moves with the pixels where they move."""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageEnhance
from support import augmentations as cases

from tf_tricks import RequestError, augment
from tf_tricks.augment.policies.operations import ENHANCE, GEOMETRIC, WHOLE

COLORS = {
    name: {"name": name}
    for name in (
        "gaussian_noise",
        "brightness",
        "contrast",
        "saturation",
        "hue",
        "sharpness",
        "solarize",
        "posterize",
        "equalize",
        "autocontrast",
        "invert",
        "grayscale",
    )
}
COLORS |= {
    f"rand_augment {operation}": {"name": "rand_augment", "num_layers": 1, "operations": [operation]}
    for operation in (*ENHANCE, *WHOLE, "posterize", "solarize")
}
MOTIONS = {
    name: {"name": name}
    for name in ("flip", "translation", "rotation", "zoom", "shear", "pad_and_crop", "random_resized_crop", "standard")
} | {
    f"rand_augment {operation}": {"name": "rand_augment", "num_layers": 1, "operations": [operation]}
    for operation in GEOMETRIC
}
ALPHA = np.random.default_rng(3).integers(0, 256, (16, 20, 18, 1)).astype("uint8")


def all_ways(arguments, images):
    """What an augmentation makes of images eagerly, compiled by XLA, and with an unknown batch size."""
    made = augment.get(arguments)

    def augmented(images):
        return made(images, None, cases.SEED, cases.words(cases.POSITIONS))

    spec = tf.TensorSpec([None, *images.shape[1:]], images.dtype)
    ways = augmented, tf.function(augmented, jit_compile=True), tf.function(augmented, input_signature=[spec])
    return [np.asarray(way(tf.constant(images))) for way in ways]


@pytest.mark.parametrize("name", COLORS)
def test_colors_change_as_without_alpha_which_stays(name):
    images = cases.images()
    wanted = all_ways(COLORS[name], images)
    found = all_ways(COLORS[name], np.concatenate([images, ALPHA], axis=3))
    for without, with_alpha in zip(wanted, found):
        np.testing.assert_array_equal(with_alpha[..., 3:], ALPHA)
        difference = np.abs(with_alpha[..., :3].astype(int) - without)
        assert difference.max() <= 1  # where rounding falls to the other side
        assert (difference > 0).mean() < 0.001


@pytest.mark.parametrize("name", ["brightness", "contrast", "invert", "saturation", "grayscale", "rand_augment"])
def test_gray_and_alpha(name):
    gray = cases.images()[..., :1]
    arguments = {"name": name} | ({"operations": ["color", "contrast"]} if name == "rand_augment" else {})
    wanted, *_ = all_ways(arguments, gray)
    for found in all_ways(arguments, np.concatenate([gray, ALPHA], axis=3)):
        np.testing.assert_array_equal(found, np.concatenate([wanted, ALPHA], axis=3))


@pytest.mark.parametrize("name", MOTIONS)
def test_alpha_moves_with_the_pixels(name):
    for found in all_ways(MOTIONS[name], np.repeat(ALPHA, 4, axis=3)):
        np.testing.assert_array_equal(found, np.repeat(found[..., :1], 4, axis=3))
        assert (found != ALPHA).any()


@pytest.mark.parametrize(("name", "enhance"), [("saturation", "Color"), ("sharpness", "Sharpness")])
def test_it_is_as_in_pillow(name, enhance):
    images = np.concatenate([cases.images(), ALPHA], axis=3)
    made = augment.get({"name": name, name: (0.5, 0.5)})
    found = np.asarray(made(images, seed=0, positions=np.arange(16)))
    wanted = [np.asarray(getattr(ImageEnhance, enhance)(Image.fromarray(image)).enhance(0.5)) for image in images]
    assert np.abs(found.astype(int) - np.stack(wanted)).max() <= 1
    np.testing.assert_array_equal(found[..., 3], np.stack(wanted)[..., 3])


@pytest.mark.parametrize(("name", "channels", "allowed"), [("hue", 2, "3 or 4"), ("saturation", 5, "1 or 2 or 3 or 4")])
def test_other_channels(name, channels, allowed):
    with pytest.raises(RequestError, match=f"takes images of {allowed} channels, not {channels}"):
        augment.get(name)(np.zeros((2, 6, 6, channels), "uint8"))
