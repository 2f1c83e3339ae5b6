"""From an encoded image to pixels of the wanted size: which window of it to take, and how to resize that."""

from collections.abc import Callable

import tensorflow as tf

from tf_tricks.annotations import Tensor

EVALUATION_FRACTION = 224 / 256
"""The central part of the short side that evaluation looks at, where training looks at random windows."""

RESIZES = ("stretch", "crop", "pad", "random_resized_crop")
"""How images of any shape come to one size."""


def decoders(resize: str, seed: int, size: tuple[int, int]) -> tuple[Callable, Callable]:
    """Returns the functions (encoded, position, size, channels) -> image for training and for evaluation.

    Args:
        resize: one of `RESIZES`. `"stretch"` takes the whole image, whatever its shape; `"crop"` the largest window in
            its middle that has the wanted shape; `"pad"` the whole image, with black bars; `"random_resized_crop"`
            trains on a random window of each, another one each time, and evaluates on the central 224/256.
        seed: determines the random windows.
        size: (height, width), in pixels.
    """
    if resize == "pad":
        return decode_padded, decode_padded
    shape = size[1] / size[0]
    window = whole_window if resize == "stretch" else central_window(1.0, shape)
    if resize == "random_resized_crop":
        return decoder(random_window(seed)), decoder(central_window(EVALUATION_FRACTION, shape))
    return decoder(window), decoder(window)


def decoder(window: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Returns `decode` with this window: a function (encoded, position, size, channels) -> image."""
    return lambda encoded, position, size, channels: decode(encoded, window, position, size, channels)


def whole_window(shape: Tensor, position: Tensor) -> Tensor:
    """Returns the window that is the whole image, int32 (top, left, height, width)."""
    return tf.concat([[0, 0], tf.cast(shape[:2], tf.int32)], axis=0)


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


def central_window(fraction: float, shape: float = 1.0) -> Callable[..., Tensor]:
    """Returns the windows of evaluation: the largest of a shape in the middle, times `fraction`.

    To resize a square window to s × s is to resize the image's short side to s / fraction and to take the central
    s × s.

    Args:
        fraction: above 0, at most 1.
        shape: width / height; 1 for a square.

    Returns:
        Function (shape [3], position) -> int32 (top, left, height, width).

    Example:
        >>> central_window(0.5)([100, 60, 3], position=0).numpy().tolist()
        [35, 15, 30, 30]
    """

    def window(image_shape, position):
        height_and_width = tf.cast(image_shape[:2], tf.int32)
        height, width = tf.unstack(tf.cast(height_and_width, tf.float32))
        sides = tf.stack([tf.minimum(height, width / shape), tf.minimum(height * shape, width)])
        sides = tf.maximum(tf.cast(tf.round(fraction * sides), tf.int32), 1)
        return tf.concat([(height_and_width - sides) // 2, sides], axis=0)

    return window


def decode(
    encoded: Tensor, window: Callable[..., Tensor], position: Tensor, size: int | tuple[int, int], channels: int = 3
) -> Tensor:
    """Returns a window of an image, resized (bilinear).

    Args:
        encoded: string tensor [], a JPEG, PNG, GIF or BMP file.
        window: function (shape, position) -> (top, left, height, width).
        position: int64 [], the place of the example in the stream.
        size: (height, width) in pixels, or an integer for a square.
        channels: 1 or 3.

    Returns:
        uint8 [height, width, channels].
    """
    shape = [size, size] if isinstance(size, int) else list(size)

    def jpeg():
        # Only the window is decoded, which saves about half of the work.
        place = window(tf.io.extract_jpeg_shape(encoded), position)
        return tf.io.decode_and_crop_jpeg(encoded, place, channels=channels)

    def other():
        image = tf.io.decode_image(encoded, channels=channels, expand_animations=False)
        top, left, height, width = tf.unstack(window(tf.shape(image), position))
        return image[top : top + height, left : left + width]

    image = tf.cond(tf.io.is_jpeg(encoded), jpeg, other)
    return _as_bytes(_resized(tf.ensure_shape(image, [None, None, channels]), shape))


def decode_padded(encoded: Tensor, position: Tensor, size: tuple[int, int], channels: int = 3) -> Tensor:
    """Returns a whole image, as large as it fits into `size`, in the middle, with black around it.

    Args:
        encoded: string tensor [], a JPEG, PNG, GIF or BMP file.
        position: ignored.
        size: (height, width) in pixels.
        channels: 1 or 3.

    Returns:
        uint8 [height, width, channels].
    """
    image = tf.io.decode_image(encoded, channels=channels, expand_animations=False)
    image = tf.ensure_shape(image, [None, None, channels])
    shape = tf.cast(tf.shape(image)[:2], tf.float32)
    scale = tf.reduce_min(tf.constant(size, tf.float32) / shape)
    inner = tf.clip_by_value(tf.cast(tf.round(shape * scale), tf.int32), 1, tf.constant(size))
    before = (tf.constant(size) - inner) // 2
    image = _resized(image, inner)
    return _as_bytes(tf.image.pad_to_bounding_box(image, before[0], before[1], *size))


def _resized(image, size):
    return tf.cond(
        # Bilinear interpolation looks at 2 × 2 pixels: below half the size it would skip some. Where it does not, it
        # costs half of what the filter costs.
        tf.reduce_min(tf.shape(image)[:2] - 2 * tf.convert_to_tensor(size)) > 0,
        lambda: tf.image.resize(image, size, antialias=True),
        lambda: tf.image.resize(image, size),
    )


def _as_bytes(image):
    return tf.cast(tf.round(image), tf.uint8)  # what is between bytes is no less than 0 and no more than 255
