"""Blur: images blurred with a Gaussian of random width."""

import keras
from keras import ops

from tf_tricks.augment.augmentation import Augmentation, check_range, like, to_float
from tf_tricks.augment.blend import is_uint8
from tf_tricks.augment.fused import fused
from tf_tricks.augment.paths import has_host_kernels
from tf_tricks.errors import RequestError, check_number

_UNITS = 2**8  # to a level, between the two passes over uint8 images


def blur(images, sigma, low, high, kernel_size=9):
    """Returns images blurred with a Gaussian; outside of its border an image is mirrored at the border's pixels.

    Args:
        images: uint8 or floats [b, h, w, c] in [low, high]; any number of channels.
        sigma: float32 [b], the standard deviation in pixels, from 0, which changes nothing.
        low: the smallest value.
        high: the largest value.
        kernel_size: height and width of the kernel in pixels, odd: the Gaussian is cut off there.

    Raises:
        RequestError: the images are smaller than half the kernel.

    Example:
        >>> import numpy as np
        >>> image = np.array([[0, 0, 80, 0, 0]], "float32").reshape(1, 1, 5, 1) + np.zeros((1, 5, 1, 1), "float32")
        >>> blurred = blur(image, np.array([0.5], "float32"), 0.0, 255.0, kernel_size=3)
        >>> np.asarray(blurred)[0, 2, :, 0].round(1).tolist()
        [0.0, 8.5, 63.0, 8.5, 0.0]
    """
    radius = kernel_size // 2
    height, width = images.shape[1:3]
    if radius >= min(height, width):
        raise RequestError(f"a kernel_size of {kernel_size} needs images of more than {radius} pixels each way")
    if images.shape[0] and has_host_kernels():  # TensorFlow cannot mirror an empty batch
        along_y = fused(_along_rows, fused(_mirrored, images, radius), sigma, radius)
        return fused(_along_columns, along_y, sigma, radius, images, low, high)
    floats = to_float(images)
    along_y = ops.einsum("biy,byxc->bixc", _matrix(sigma, height, radius, floats.dtype), floats)
    along_x = ops.einsum("bjx,bixc->bijc", _matrix(sigma, width, radius, floats.dtype), along_y)
    return like(ops.clip(along_x, low, high), images)


def _gauss(sigma, radius):
    """Returns the function of a distance [...] that gives the weights [b, ...] of normalized kernels."""
    scale = 0.5 / ops.maximum(sigma, 1e-3) ** 2
    total = 1.0 + 2.0 * sum((ops.exp(-scale * d**2) for d in range(1, radius + 1)), ops.zeros_like(scale))

    def weights(distance):
        shape = (-1, *[1] * len(distance.shape))
        weight = ops.exp(-ops.reshape(scale, shape) * distance**2) / ops.reshape(total, shape)
        return ops.where(ops.abs(distance) <= radius, weight, 0.0)

    return weights


def _matrix(sigma, size, radius, dtype):
    """Returns the weight of each of `size` pixels in a row for each pixel of the result, [b, size, size]."""
    gauss = _gauss(sigma, radius)
    row, pixel = ops.arange(size, dtype="float32")[:, None], ops.arange(size, dtype="float32")
    # A pixel counts once more where the border mirrors it; the border's own pixels are the mirror.
    before = ops.where(pixel > 0, gauss(row + pixel), 0.0)
    after = ops.where(pixel < size - 1, gauss(2 * (size - 1) - row - pixel), 0.0)
    return ops.cast(gauss(row - pixel) + before + after, dtype)


def _mirrored(images, radius):
    """Returns the images with a border of `radius` pixels, mirrored, [b, h + 2 radius, (w + 2 radius) · c]."""
    _, height, width, channels = images.shape
    rows = ops.reshape(images, (-1, height, width * channels))
    rows = ops.pad(rows, [(0, 0), (radius, radius), (0, 0)], mode="reflect")
    pixels = ops.reshape(rows, (-1, height + 2 * radius, width, channels))
    pixels = ops.pad(pixels, [(0, 0), (0, 0), (radius, radius), (0, 0)], mode="reflect")
    return ops.reshape(pixels, (-1, height + 2 * radius, (width + 2 * radius) * channels))


def _along_rows(mirrored, sigma, radius):
    """Returns the images blurred along y, still with a border on the left and right.

    Of uint8 images they are uint16 numbers, in units of 1/256: half the memory of floats, and right to 1/512.
    """
    height = mirrored.shape[1] - 2 * radius
    parts = [mirrored[:, n : n + height] for n in range(2 * radius + 1)]
    if not is_uint8(mirrored):
        return _sum(parts, sigma, radius)
    return ops.cast(ops.cast(_sum(parts, sigma, radius, _UNITS) + 0.5, "int32"), "uint16")


def _along_columns(rows, sigma, radius, images, low, high):
    """Returns what is blurred along x too, in the form of `images`."""
    width, channels = images.shape[2:]
    parts = [rows[..., n * channels : (n + width) * channels] for n in range(2 * radius + 1)]
    if is_uint8(images):
        blurred = _sum(parts, sigma, radius, 1 / _UNITS)
    else:
        blurred = ops.clip(_sum(parts, sigma, radius), low, high)
    return like(ops.reshape(blurred, images.shape), images)


def _sum(parts, sigma, radius, factor=1):
    """Returns `factor` · the weighted sum of 2 radius + 1 parts; two of one weight are added first, which is exact."""
    whole = "int" in keras.backend.standardize_dtype(parts[0].dtype)
    parts = [ops.cast(part, "int32") for part in parts] if whole else parts
    pairs = [parts[radius], *(parts[radius - d] + parts[radius + d] for d in range(1, radius + 1))]
    pairs = [to_float(pair) for pair in pairs]
    weights = _gauss(sigma, radius)(ops.arange(radius + 1, dtype="float32")) * float(factor)
    weights = ops.cast(weights, pairs[0].dtype)
    return sum(weights[:, d, None, None] * pair for d, pair in enumerate(pairs))


@keras.saving.register_keras_serializable("tf_tricks")
class Blur(Augmentation):
    """Blurs images with a Gaussian of random width.

    Each image is convolved with a kernel in proportion to exp(−(x² + y²) / 2σ²), cut off at `kernel_size` and scaled to
    a sum of 1; σ is drawn for each example, uniform in the given range. Outside of its border an image is mirrored. It
    is one of the transforms of contrastive learning (Chen et al. 2020, arXiv:2002.05709, with σ in [0.1, 2.0] for
    images of 224 pixels).

    Use it when the network will see images that are out of focus, or of lower resolution.

    Avoid it when images are small: of 32 pixels, σ = 2 leaves little; or what counts is fine texture.

    Config:
        config.augment = dict(name="blur", sigma=1.0, kernel_size=7)

    Args:
        sigma: the largest σ in pixels, for σ in [0, sigma]; or a pair (low, high), from 0.
        kernel_size: height and width of the kernel in pixels, an odd number; twice the largest σ on each side, and 1,
            hold 95 % of the Gaussian.
        **keywords: arguments of `Augmentation`: `value_range`, `seed`, `name`, …

    Raises:
        RequestError: a number is out of its range, or the images are smaller than half the kernel.

    Example:
        >>> import numpy as np
        >>> images = np.zeros((1, 9, 9, 1), "uint8")
        >>> images[0, 4, 4] = 255
        >>> blurred = np.asarray(Blur(sigma=(1, 1))(images, seed=0, positions=np.arange(1)))
        >>> blurred[0, 4, :, 0].tolist()
        [0, 0, 5, 25, 41, 25, 5, 0, 0]
    """

    uses_value_range = True

    def __init__(self, sigma=(0.1, 2.0), kernel_size=9, **keywords):
        super().__init__(**keywords)
        if isinstance(sigma, (tuple, list)):
            self.sigma = check_range("sigma", sigma, minimum=0)
        else:
            self.sigma = 0.0, float(check_number("sigma", sigma, minimum=0))
        self.kernel_size = int(check_number("kernel_size", kernel_size, minimum=1, integer=True))
        if self.kernel_size % 2 == 0:
            raise RequestError(f"kernel_size must be an odd number, not {kernel_size}")

    def transform(self, batch, draws):
        """Returns the batch with blurred images."""
        images, sigma = batch.images, draws.uniform(*self.sigma)
        return batch._replace(images=blur(images, sigma, *self.range_of(images), self.kernel_size))

    def get_config(self):
        """Returns the arguments that make this augmentation again."""
        return super().get_config() | {"sigma": list(self.sigma), "kernel_size": self.kernel_size}
