"""Labels that are places in an image: boxes and key points, which nothing here moves along with the pixels."""

import keras

from tf_tricks.errors import RequestError

_KERAS = "Keras's own layers move them, for example keras.layers.RandomFlip(bounding_box_format='xyxy')"
_STAY = "take augmentations that leave pixels where they are, such as brightness or cutout"
_REMEDIES = {
    "bounding_boxes": _KERAS,
    "boxes": _KERAS,
    "keypoints": _STAY,
    "segmentation_masks": "give masks that are integers as the argument masks",
}
"""What helps, for each key under which Keras and KerasHub keep what belongs to places in an image."""


def check_places(name, labels):
    """Raises a `RequestError` if labels hold what would have to move along with the pixels.

    Args:
        name: of the augmentation, for the message.
        labels: a tensor, or a structure of dicts and lists; None for none.

    Raises:
        RequestError: there are boxes, key points or masks.

    Example:
        >>> check_places("Flip", {"labels": [1], "colors": [2]})
        >>> check_places("Flip", {"labels": [1], "keypoints": [2]})
        Traceback (most recent call last):
        ...
        tf_tricks.errors.RequestError: Flip moves pixels but not 'keypoints', which would be wrong: take augmentations \
that leave pixels where they are, such as brightness or cutout
    """
    if not isinstance(labels, (dict, list, tuple)):
        return
    for path, _ in keras.tree.flatten_with_path(labels):
        for key in path:
            if key in _REMEDIES:
                raise RequestError(f"{name} moves pixels but not {key!r}, which would be wrong: {_REMEDIES[key]}")
