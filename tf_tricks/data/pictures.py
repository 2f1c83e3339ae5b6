"""Pictures in files, as a network takes them: found, decoded, turned upright, resized."""

import os
from pathlib import Path

import numpy as np

SUFFIXES = (".jpg", ".jpeg", ".png", ".gif", ".bmp", ".webp")
RESIZE = ("stretch", "pad", "crop")
_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}


class DamagedPicture(ValueError):
    """A file that no picture can be read from; its text is the reason."""


def find(folder: Path) -> tuple[list[str], int]:
    """Returns the paths of all pictures below a folder, relative to it and sorted, and how many other files there are.

    Hidden files and folders are passed over.

    Args:
        folder: a local one.
    """
    pictures, others, seen = [], 0, set()
    for place, folders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(place)
        if real in seen:  # a link to a folder above
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in files:
            if name.startswith("."):
                continue
            if name.lower().endswith(SUFFIXES):
                pictures.append(os.path.relpath(os.path.join(place, name), folder))
            else:
                others += 1
    return sorted(pictures), others


def read(path: Path, height: int, width: int, channels: int, resize: str = "stretch", part: float = 1.0) -> np.ndarray:
    """Returns a picture as uint8 [height, width, channels].

    It may be a JPEG, PNG, GIF (of which it is the first frame), BMP or WebP of any size and mode. It is turned upright
    as its EXIF data say; of 16 bits the upper 8 count; transparency is lost, if the channels have none.

    Args:
        path: the file.
        height: pixels.
        width: pixels.
        channels: 1 (gray), 2 (gray, alpha), 3 (colors) or 4 (colors, alpha).
        resize: `"stretch"`, `"pad"` (all of it, with black at two sides) or `"crop"` (the middle).
        part: of `"crop"`, the central part of the picture that is looked at, at most 1.

    Raises:
        DamagedPicture: the file cannot be read as a picture.
    """
    from PIL import Image, ImageOps

    size, method = (width, height), Image.Resampling.BILINEAR
    try:
        with Image.open(path) as opened:
            image = _with_mode(ImageOps.exif_transpose(opened), _MODES[channels])
        if resize == "pad":
            image = ImageOps.pad(image, size, method)
        elif resize == "crop":
            image = ImageOps.fit(image, size, method, bleed=(1 - part) / 2)
        elif image.size != size:
            image = image.resize(size, method)
    except Exception as error:  # Pillow has no end of them for files that are cut short or something else
        reason = str(error).replace(str(path), path.name) or type(error).__name__
        raise DamagedPicture(reason) from error
    return np.asarray(image).reshape(height, width, channels)


def _with_mode(image, mode):
    """Pillow's picture in another mode; by itself it would cut off what of 16 bits does not fit into 8."""
    from PIL import Image

    if image.mode.startswith("I"):  # whole numbers of 16 bits
        values = np.clip(np.asarray(image).astype("int64"), 0, 2**16 - 1)
        image = Image.fromarray((values >> 8).astype("uint8"))
    if image.mode in ("CMYK", "LAB", "HSV", "YCbCr"):
        image = image.convert("RGB")
    if image.mode in ("P", "PA") and mode in ("RGB", "L"):
        image = image.convert("RGB")  # not what its transparency makes of it
    return image if image.mode == mode else image.convert(mode)
