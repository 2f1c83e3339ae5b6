"""What the augmentations do, as functions of images and of numbers for each example; nothing in them is random.

They take uint8 images and floats of any width [b, height, width, channels], give back the same dtype, and run on
TensorFlow and on JAX, in a compiled step and out of it. Of floats, those that need it take the smallest and the largest
value that there can be.

Example:
    >>> import numpy as np
    >>> import tf_tricks as tt
    >>> images = np.full((2, 8, 8, 3), 100, "uint8")
    >>> brighter = tt.augment.functional.brightness(images, np.array([1.0, 1.5], "float32"), 0, 255)
    >>> np.asarray(brighter)[:, 0, 0, 0].tolist()
    [100, 150]
"""

from tf_tricks.augment.functional.colour import blend, brightness, contrast, gray, grayscale, hue, on_colors, saturation
from tf_tricks.augment.functional.filters import blur, sharpness
from tf_tricks.augment.functional.flipping import flip
from tf_tricks.augment.functional.histograms import autocontrast, equalize
from tf_tricks.augment.functional.levels import invert, posterize, solarize, sometimes
from tf_tricks.augment.functional.motions import crop_and_resize, rotate, shear, translate, zoom
from tf_tricks.augment.functional.noise import noisy
from tf_tricks.augment.functional.pairs import mix_values, partners
from tf_tricks.augment.functional.rectangles import erase, paste
from tf_tricks.augment.functional.sampling import affine, around_center, resample
from tf_tricks.augment.functional.shifting import shift_and_flip

__all__ = [
    "affine",
    "around_center",
    "autocontrast",
    "blend",
    "blur",
    "brightness",
    "contrast",
    "crop_and_resize",
    "equalize",
    "erase",
    "flip",
    "gray",
    "grayscale",
    "hue",
    "invert",
    "mix_values",
    "noisy",
    "on_colors",
    "partners",
    "paste",
    "posterize",
    "resample",
    "rotate",
    "saturation",
    "sharpness",
    "shear",
    "shift_and_flip",
    "solarize",
    "sometimes",
    "translate",
    "zoom",
]
