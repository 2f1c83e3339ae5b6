"""From an encoded image to a square of pixels: which window of it to take, and how to resize that."""

from collections.abc import Callable

import tensorflow as tf

from tf_tricks.annotations import Tensor

EVALUATION_FRACTION = 224 / 256
"""The central part of the short side that evaluation looks at."""


def random_window(seed: int) -> Callable[..., Tensor]:
    """Returns the windows of training: a random part of the image, of random size and shape.

    Its area is 8 to 100 % of the image, its aspect ratio 3/4 to 4/3. Szegedy et al. 2015, "Going deeper with
    convolutions", arXiv:1409.4842; the augmentation of Goyal et al. 2017, arXiv:1706.02677. (TensorFlow draws the
    height uniformly where the papers draw the area; all the usual TensorFlow results on ImageNet come from this.)

    Args:
        seed: integer; the window is a pure function of it and the example's position in the stream.

    Returns:
        Function (shape [3], position) -> int32 (top, left, height, width).
    """

    def window(shape, position):
        begin, size, _ = tf.image.stateless_sample_distorted_bounding_box(
            shape,
            bounding_boxes=tf.zeros([1, 0, 4]),
            seed=tf.stack([tf.constant(seed, tf.int64), tf.cast(position, tf.int64)]),
            min_object_covered=0.0,
            aspect_ratio_range=(3 / 4, 4 / 3),
            area_range=(0.08, 1.0),
            max_attempts=100,
            use_image_if_no_bounding_boxes=True,
        )
        return tf.concat([begin[:2], size[:2]], axis=0)

    return window


def central_window(fraction: float) -> Callable[..., Tensor]:
    """Returns the windows of evaluation: the square in the middle, its side `fraction` of the image's short side.

    To resize this window to s × s is to resize the image's short side to s / fraction and to take the central s × s.

    Args:
        fraction: above 0, at most 1.

    Returns:
        Function (shape [3], position) -> int32 (top, left, height, width).

    Example:
        >>> central_window(0.5)([100, 60, 3], position=0).numpy().tolist()
        [35, 15, 30, 30]
    """

    def window(shape, position):
        height_and_width = tf.cast(shape[:2], tf.int32)
        side = tf.cast(tf.round(fraction * tf.cast(tf.reduce_min(height_and_width), tf.float32)), tf.int32)
        side = tf.maximum(side, 1)
        return tf.concat([(height_and_width - side) // 2, [side, side]], axis=0)

    return window


def decode(encoded: Tensor, window: Callable[..., Tensor], position: Tensor, size: int, channels: int = 3) -> Tensor:
    """Returns a window of an image, resized to `size` × `size` (bilinear).

    Args:
        encoded: string tensor [], a JPEG, PNG, GIF or BMP file.
        window: function (shape, position) -> (top, left, height, width).
        position: int64 [], the place of the example in the stream.
        size: pixels.
        channels: 1 or 3.

    Returns:
        uint8 [size, size, channels].
    """

    def jpeg():
        # Only the window is decoded, which saves about half of the work.
        place = window(tf.io.extract_jpeg_shape(encoded), position)
        return tf.io.decode_and_crop_jpeg(encoded, place, channels=channels)

    def other():
        image = tf.io.decode_image(encoded, channels=channels, expand_animations=False)
        top, left, height, width = tf.unstack(window(tf.shape(image), position))
        return image[top : top + height, left : left + width]

    image = tf.cond(tf.io.is_jpeg(encoded), jpeg, other)
    image = tf.ensure_shape(image, [None, None, channels])
    resized = tf.cond(
        # Bilinear interpolation looks at 2 × 2 pixels: below half the size it would skip some. Where it does not, it
        # costs half of what the filter costs.
        tf.reduce_min(tf.shape(image)[:2]) > 2 * size,
        lambda: tf.image.resize(image, [size, size], antialias=True),
        lambda: tf.image.resize(image, [size, size]),
    )
    return tf.saturate_cast(tf.round(resized), tf.uint8)
