"""The data set `folder`: pictures in folders, one for each class, or with a table of their labels."""

import os
from collections.abc import Sequence

from tf_tricks.data import image_files
from tf_tricks.data.decode import RESIZES
from tf_tricks.data.image_splits import Look, Pictures, make_splits
from tf_tricks.data.memory import budget
from tf_tricks.data.picture_labels import of_folders, of_table
from tf_tricks.data.splits import Splits, check_fraction
from tf_tricks.errors import RequestError, check_number, unknown
from tf_tricks.registry import register
from tf_tricks.storage import path_of


@register("data", "folder")
def folder(
    path: str | os.PathLike[str],
    image_size: int | Sequence[int] | None = None,
    resize: str = "stretch",
    channels: int = 3,
    labels: str | os.PathLike[str] | None = None,
    validation_fraction: float | None = None,
    max_corrupt: int = 0,
    memory_budget: float | None = None,
    seed: int = 0,
) -> Splits:
    """Returns the pictures below a folder: JPEG, PNG, GIF, BMP and WebP of any size and kind.

    The folder has a sub-folder for each class, whose name is the class's; or sub-folders `train`, `validation` and
    `test` of such (validation and test may be missing). Pictures may lie deeper below. Or a table, `labels`, says which
    class each file has. Hidden files are passed over.

    Pictures come out as uint8 [height, width, channels]. What fits the memory is decoded once; the rest, and what is
    cropped at random, is read and decoded when it is needed.

    Args:
        path: of the folder, local or remote.
        image_size: side of the squares that the pictures become, or (height, width), in pixels; it must be said.
        resize: how they become that: `"stretch"`, whatever their shape; `"crop"`, the largest part in the middle that
            has the shape; `"pad"`, the whole picture with black bars; `"random_resized_crop"`, for training a random
            part of 8 to 100 % of the picture, another one each time, for evaluation the central 224/256.
        channels: 3, or 1 for gray.
        labels: a CSV file with the columns `file` (relative to `path`), `label` and, if it says so, `split` (train,
            validation or test), in place of the sub-folders. Relative to `path`, too.
        validation_fraction: the part of the training pictures that is held out, from 0 (none) to below 1; by default
            0.1, or 0 where there is a validation part.
        max_corrupt: how many damaged pictures to leave out; with more than that nothing starts.
        memory_budget: bytes that decoded pictures may take; by default half of the memory that is free.
        seed: determines which are held out, and the random parts.

    Raises:
        RequestError: there is no such folder, it has no pictures or too many damaged ones, or an argument cannot be
            used.
    """
    look = _look(image_size, resize, channels, seed)
    check_number("max_corrupt", max_corrupt, minimum=0, integer=True)
    check_fraction(0 if validation_fraction is None else validation_fraction)
    limit = budget(memory_budget)
    place = path_of(path)
    if not place.is_dir():
        raise RequestError(f"there is no folder of pictures {os.fspath(path)!r}")
    found = image_files.find(place)
    if not found.pictures:
        kinds = ", ".join(sorted({os.path.splitext(other)[1] or other for other in found.others})) or "no files at all"
        raise RequestError(f"{os.fspath(path)!r} has no pictures (JPEG, PNG, GIF, BMP, WebP), but {kinds}")
    parts, names = of_folders(place, found.pictures) if labels is None else of_table(place, labels, found.pictures)
    damaged = image_files.damaged(place, found)
    sets = {part: Pictures(place, paths, classes).without(damaged) for part, (paths, classes) in parts.items()}
    used = {path for paths, _ in parts.values() for path in paths}
    damaged = {path: reason for path, reason in damaged.items() if path in used}
    return make_splits(os.fspath(path), sets, names, damaged, look, validation_fraction, max_corrupt, limit, seed)


def _look(image_size, resize, channels, seed):
    if image_size is None:
        raise RequestError("say to which size the pictures are brought: image_size=224, or (height, width)")
    sides = [image_size, image_size] if isinstance(image_size, (int, float)) else list(image_size)
    if len(sides) != 2:
        raise RequestError(f"image_size must be an integer or (height, width), not {image_size!r}")
    for side in sides:
        check_number("image_size", side, minimum=1, integer=True)
    if resize not in RESIZES:
        raise unknown("resize", resize, RESIZES)
    if channels not in (1, 3):
        raise RequestError(f"channels must be 3 or, for gray pictures, 1, not {channels!r}")
    return Look(int(sides[0]), int(sides[1]), resize, channels, seed)
