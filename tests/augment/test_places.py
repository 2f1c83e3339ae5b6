"""Boxes and key points among the labels: refused where pixels move, left alone where they do not."""

import numpy as np
import pytest
from support import augmentations as cases

from tf_tricks import RequestError, augment

STAY = {
    "gaussian_noise", "cutout", "random_erasing", "brightness", "contrast", "saturation", "hue", "sharpness", "blur",
    "solarize", "posterize", "equalize", "autocontrast", "invert", "grayscale",
}  # fmt: skip
"""All that leave pixels where they are; every other augmentation moves or mixes them."""

BOXES = np.ones((16, 2, 4), "float32")


def augmented(augmentation, labels):
    return augmentation(cases.images(), labels, cases.SEED, cases.POSITIONS)


@pytest.mark.parametrize("name", [name for name in cases.NAMES if name not in STAY])
@pytest.mark.parametrize("key", ["bounding_boxes", "keypoints"])
def test_what_moves_pixels_refuses_places(name, key):
    with pytest.raises(RequestError, match=f"moves pixels but not '{key}', which would be wrong: "):
        augmented(cases.make(name), {"labels": cases.labels(), key: BOXES})


@pytest.mark.parametrize("name", sorted(STAY))
def test_what_leaves_pixels_where_they_are_leaves_places_too(name):
    _, labels = augmented(cases.make(name), {"labels": cases.labels(), "bounding_boxes": BOXES})
    np.testing.assert_array_equal(labels["bounding_boxes"], BOXES)


@pytest.mark.parametrize(
    ("labels", "remedy"),
    [
        ({"bounding_boxes": {"boxes": BOXES, "labels": BOXES[..., 0]}}, r"keras.layers.RandomFlip\(bounding_box"),
        ({"boxes": BOXES, "labels": BOXES[..., 0]}, r"keras.layers.RandomFlip\(bounding_box"),
        ([cases.labels(), {"keypoints": BOXES}], "take augmentations that leave pixels where they are"),
        ({"segmentation_masks": cases.masks()}, "give masks that are integers as the argument masks"),
    ],
    ids=["Keras's boxes", "boxes alone", "in a list", "masks"],
)
def test_the_remedy(labels, remedy):
    with pytest.raises(RequestError, match=f"^Flip moves pixels .*{remedy}"):
        augmented(augment.Flip(), labels)


def test_other_labels_in_a_dict_pass():
    _, labels = augmented(augment.Flip(), {"color": cases.labels()})
    np.testing.assert_array_equal(labels["color"], cases.labels())


def test_a_policy_of_operations_that_move_nothing_leaves_places():
    _, labels = augmented(augment.RandAugment(operations=["brightness"]), {"bounding_boxes": BOXES})
    np.testing.assert_array_equal(labels["bounding_boxes"], BOXES)


def test_the_augmentation_in_a_sequence_that_moves_pixels_is_named():
    with pytest.raises(RequestError, match=r"^Flip moves pixels"):
        augmented(augment.Sequence([augment.Invert(), augment.Flip()]), {"bounding_boxes": BOXES})


def test_mixing_takes_no_dict():
    with pytest.raises(RequestError, match="mixup mixes labels that are one tensor, not a dict"):
        augmented(augment.Mixup(num_classes=5), {"labels": cases.labels()})


@pytest.mark.parametrize("name", ["flip", "brightness"])
def test_images_in_a_dict_as_keras_has_them(name):
    with pytest.raises(RequestError, match=r"takes a tensor of images, .* not a dict: call it with"):
        augment.get(name)({"images": cases.images(), "bounding_boxes": BOXES})
