"""Pad and crop: moves of whole pixels, the augmentation of small images."""

import keras
from keras import ops

from tf_tricks.augment.augmentation import GeometricAugmentation, like, per_example
from tf_tricks.augment.flip import flip
from tf_tricks.augment.fused import can_fuse, fused
from tf_tricks.augment.gather import at_whole_places, crops, paint
from tf_tricks.augment.paths import has_host_kernels
from tf_tricks.augment.random_erasing import erase
from tf_tricks.augment.slide import pad, window
from tf_tricks.errors import RequestError, check_number


@keras.saving.register_keras_serializable("tf_tricks")
class PadAndCrop(GeometricAugmentation):
    """Pads each image on all sides and takes a random crop of the original size from it.

    The network sees each object in many places and learns that a small move changes nothing. Pixel (i, j) of the result
    is pixel (i + u, j + v) of the image, with integers u and v, uniform in −pad, …, pad; pixels outside of the image
    have the fill value. Pixels are copied, never interpolated. He et al. 2015, "Deep residual learning for image
    recognition", arXiv:1512.03385, section 4.2.

    Use it on small images in which the object's place varies little, as CIFAR's: pad 4 of 32 pixels, with a flip. It
    is the first augmentation to try there.

    Avoid it when the object's place is the answer, or images are large: there random_resized_crop is usual, and
    translation moves by fractions of the size.

    Config:
        config.augment = dict(name="pad_and_crop", pad=4)

    Args:
        pad: the largest shift, in pixels, down, up and to both sides; an integer from 0, at most the images' height
            and width.
        **keywords: `fill_value`, `mask_fill_value`, `value_range`, `seed`, and arguments of `keras.layers.Layer`.

    Raises:
        RequestError: an argument is out of its range, or the images are smaller than `pad`.

    Example:
        >>> import numpy as np
        >>> images, labels = np.ones((4, 32, 32, 3), "uint8"), np.arange(4)
        >>> images, labels = PadAndCrop(pad=4)(images, labels, seed=0, positions=np.arange(100, 104))
        >>> np.asarray(images).shape, np.asarray(images).dtype
        ((4, 32, 32, 3), dtype('uint8'))
    """

    def __init__(self, pad=4, **keywords):
        super().__init__(**keywords)
        self.pad = int(check_number("pad", pad, minimum=0, integer=True))

    def transform(self, batch, draws):
        """Returns the batch with images and masks moved alike."""
        return super().transform(batch, draws) if self.pad else batch

    def draw(self, draws, height, width):
        """Returns how far the crop lies down and to the right of the image, int32 [b] each."""
        if self.pad > min(height, width):
            raise RequestError(f"pad must be at most the images' size, {min(height, width)}, not {self.pad}")
        return draws.integers(-self.pad, self.pad + 1), draws.integers(-self.pad, self.pad + 1)

    def move(self, images, parameters, interpolation, fill_value):
        """Returns the images moved; they are not interpolated."""
        return shift_and_flip(images, *parameters, None, fill_value, largest=self.pad)

    def get_config(self):
        """Returns the arguments that make this augmentation again."""
        return super().get_config() | {"pad": self.pad}


def shift_and_flip(images, down, right, flipped=None, fill_value=0.0, largest=None, hole=None):
    """Returns the images' crops of their own size, some of them flipped from left to right; exact copies of pixels.

    Pixel (i, j) of the result is pixel (i + down, j' + right) of the image, where j' = width − 1 − j if the example is
    flipped and j otherwise; pixels outside of the image have the fill value.

    Args:
        images: [b, height, width, channels] of any dtype.
        down: int32 [b], how many pixels the crop lies below the image; the contents move up.
        right: int32 [b], how many it lies to the right.
        flipped: bool [b], or None for no example.
        fill_value: what pixels outside of the image have.
        largest: a bound of |down| and |right|, one integer or a pair; None for the images' height and width.
            The smaller it is the less work there is.
        hole: int32 [b] each, (top, left, height, width) of a rectangle of each result that has the fill value, or None.

    Example:
        >>> import numpy as np
        >>> image, down, right = np.arange(6).reshape(1, 2, 3, 1), np.array([1], "int32"), np.array([-1], "int32")
        >>> np.asarray(shift_and_flip(image, down, right, np.array([True]), -1))[0, :, :, 0].tolist()
        [[4, 3, -1], [-1, -1, -1]]
    """
    images = ops.convert_to_tensor(images)
    size = tuple(images.shape[1:3])
    largest = size if largest is None else largest
    largest = largest if isinstance(largest, (tuple, list)) else (largest, largest)
    largest = [min(most, side) for most, side in zip(largest, size)]  # beyond, nothing of the image is left
    down, right = (ops.clip(shift, -most, most) for shift, most in zip((down, right), largest))
    if can_fuse(images):
        images = fused(crops, images, down, right, tuple(largest), fill_value)
    elif has_host_kernels():
        images = at_whole_places(images, down, right, fill_value)
    else:
        for axis, (shift, most) in enumerate(zip((down, right), largest), start=1):
            padded = pad(images, axis, (most, most), fill_value)
            images = window(padded, per_example(shift + most, images), axis, images.shape[axis], 2 * most + 1)
    if flipped is not None and hole is not None and can_fuse(images):
        return fused(_flip_and_paint, images, flipped, hole, fill_value)
    images = images if flipped is None else flip(images, flipped)
    return images if hole is None else erase(images, *hole, fill_value)


def _flip_and_paint(images, flipped, hole, fill_value):
    fill = like(ops.convert_to_tensor(float(fill_value), "float32"), images)
    return paint(flip(images, flipped), *hole, fill)
