"""A pixel that is NaN changes no other image, on any way; see docs/augmentation.md for what it does to its own."""

import numpy as np
import pytest
import tensorflow as tf
from support import augmentations as cases

from tf_tricks import augment


@pytest.mark.parametrize("name", ["rotation", "zoom", "random_resized_crop", "blur", "aug_mix"])
@pytest.mark.parametrize("xla", [False, True], ids=["host", "xla"])
def test_it_stays_in_its_image(name, xla):
    made, images = augment.get({"name": name}), cases.images("float32")
    images[3, 10, 9, 1] = np.nan
    augmented = tf.function(
        lambda images: made(images, None, cases.SEED, cases.words(cases.POSITIONS)), jit_compile=xla
    )
    touched = np.isnan(augmented(images)).any(axis=(1, 2, 3))
    assert np.flatnonzero(touched).tolist() == [3]


@pytest.mark.parametrize("name", ["rotation", "zoom", "random_resized_crop", "blur"])
def test_on_a_host_it_reaches_only_what_is_made_of_it(name):
    images = cases.images("float32")
    wanted = np.asarray(augment.get({"name": name})(images, None, cases.SEED, cases.POSITIONS))
    images[3, 10, 9, 1] = np.nan
    found = np.asarray(augment.get({"name": name})(images, None, cases.SEED, cases.POSITIONS))
    touched = np.isnan(found)
    assert 0 < touched.sum() <= 9 * 9  # the kernel of blur; four neighbours, magnified, in the others
    np.testing.assert_array_equal(found[~touched], wanted[~touched])
