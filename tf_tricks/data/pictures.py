"""Files of pictures as TensorFlow reads them: those that it cannot read, or reads wrong, are converted."""

import concurrent.futures
import io
import os
from collections.abc import Iterable

import tensorflow as tf
from PIL import Image, ImageOps

from tf_tricks.storage import StorageError, is_remote, path_of

SUFFIXES = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".gif", ".bmp", ".webp")
"""What the names of pictures end with."""

_JPEG, _PNG = b"\xff\xd8", b"\x89PNG"
_ENDS = ((_JPEG, b"\xff\xd9"), (_PNG, b"IEND\xaeB`\x82"), (b"GIF8", b"\x3b"))
_AT_ONCE = 32
_ORIENTATION = 0x0112
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
"""The markers of a JPEG behind which its size and the number of its channels are."""


def plain(encoded: bytes) -> bytes:
    """Returns a picture in a form that TensorFlow decodes right.

    Most JPEG and PNG files stay as they are. A photo that a camera has marked as turned (Exif) is turned; CMYK becomes
    RGB; of a GIF there is the first frame; GIF, BMP and WebP become PNG. Transparency is dropped, 16 bits become 8.

    Args:
        encoded: the content of a file.

    Raises:
        OSError: it is no picture, or is damaged.
    """
    if encoded.startswith(_JPEG):
        if not _is_unusual(encoded):
            return encoded
    elif encoded.startswith(_PNG) and b"eXIf" not in encoded[:8192]:
        return encoded
    with Image.open(io.BytesIO(encoded)) as opened:
        if encoded.startswith((_JPEG, _PNG)) and opened.mode != "CMYK" and opened.getexif().get(_ORIENTATION, 1) == 1:
            return encoded
        if opened.mode.startswith(("I", "F")):
            raise OSError(f"its values are of the mode {opened.mode}, and must be bytes")
        converted = io.BytesIO()
        _in_bytes(ImageOps.exif_transpose(opened)).save(converted, "png", compress_level=1)
    return converted.getvalue()


def _in_bytes(image):
    if image.mode == "P":
        image = image.convert("RGBA")  # the transparent color may have an entry of its own in the palette
    return image.convert("L" if image.mode in ("1", "L", "LA") else "RGB")


def read(path: str) -> bytes:
    """Returns `plain` of a file.

    Raises:
        OSError: it cannot be read, is no picture, or is damaged; the message names it.
        StorageError: the store cannot be reached.
    """
    try:
        return plain(path_of(path).read_bytes() if is_remote(path) else _content(path))
    except StorageError:  # nothing is wrong with the picture
        raise
    except (OSError, ValueError, SyntaxError) as error:  # SyntaxError is of Pillow's PNG reader
        reason = getattr(error, "strerror", None) or error
        raise OSError(f"the picture {path} cannot be read: {as_reason(reason)}") from error


def _content(path):
    with open(path, "rb") as file:
        return file.read()


def read_all(paths: Iterable[str]) -> list[bytes]:
    """Returns `read` of each; those of a store, where each takes its time, many at once."""
    paths = list(paths)
    if not any(map(is_remote, paths)):
        return [read(path) for path in paths]
    with concurrent.futures.ThreadPoolExecutor(_AT_ONCE) as threads:
        return list(threads.map(read, paths))


def damage(path: str) -> str | None:
    """Returns why a picture cannot be decoded, None if it can; decodes it."""
    try:
        tf.io.decode_image(read(path), channels=3, expand_animations=False)
    except StorageError:
        raise
    except OSError as error:
        return str(error).split("cannot be read: ", 1)[-1]
    except tf.errors.OpError as error:
        return as_reason(error.message)
    return None


def looks_whole(path: str) -> bool:
    """Returns whether a local file begins as a picture does and ends as it does: whether it was cut short is seen."""
    with open(path, "rb") as file:
        head = file.read(12)
        size = os.fstat(file.fileno()).st_size
        file.seek(max(0, size - 12))
        tail = file.read(12)
    if head[:4] == b"RIFF" and head[8:] == b"WEBP":
        return size >= int.from_bytes(head[4:8], "little") + 8
    if head[:2] == b"BM":
        return size >= int.from_bytes(head[2:6], "little")
    return any(head.startswith(start) and tail.endswith(end) for start, end in _ENDS)


def _is_unusual(jpeg):
    """Whether a JPEG has four channels or Exif data, in which it may be said to be turned."""
    place, exif = 2, False
    while place + 10 <= len(jpeg) and jpeg[place] == 0xFF:
        marker = jpeg[place + 1]
        if marker in _FRAMES:
            return exif or jpeg[place + 9] == 4
        exif = exif or (marker == 0xE1 and jpeg[place + 4 : place + 8] == b"Exif")
        # Fill bytes before a marker, and markers without a segment, have no length.
        alone = marker == 0xFF or 0xD0 <= marker <= 0xD8
        place += (1 if marker == 0xFF else 2) if alone else 2 + int.from_bytes(jpeg[place + 2 : place + 4], "big")
    return True  # Pillow says what is wrong with it


def as_reason(message: object) -> str:
    """Returns the first line of what TensorFlow or Pillow say, without the names of operations."""
    lines = str(message).strip().splitlines() or ["it is damaged"]
    text = lines[0].split("{{function_node", 1)[-1].split("}} ", 1)[-1]
    return text.split(" [Op:")[0].removesuffix(".")
