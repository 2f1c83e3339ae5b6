"""A sheet of images with what is right and what was predicted below each."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tf_tricks.reports import figure
from tf_tricks.training import contact_sheet

_COLUMNS = 5
_SIDE = 1.7  # inches of an image
_LINE = 0.15  # inches of a line of text
_SIZE = 7.5  # of the letters, points
_INDENT = 0.08  # inches of the second line of a text


def shows(source: Any) -> bool:
    """Returns whether the inputs of a source are images of 1 to 4 channels, one for each example."""
    shape = getattr(source, "input_shape", None)
    if not isinstance(shape, tuple) or len(shape) != 3 or not all(isinstance(length, int) for length in shape):
        return False
    return shape[-1] in (1, 2, 3, 4) and min(shape[:2]) > 1


def draw(images: np.ndarray, captions: Sequence[Sequence[str]], title: str) -> bytes:
    """Returns the bytes of a PNG file.

    Args:
        images: [m, height, width, channels], m from 1.
        captions: the lines below each; a long one is broken, and shortened after two lines.
        title: a line above all.
    """
    with figure.style():
        return _draw(images, captions, title)


def _draw(images, captions, title):
    texts = [[line for text in lines for line in _two_lines(text)] for lines in captions]
    lines = max(map(len, texts))
    columns = min(_COLUMNS, len(images))
    rows = math.ceil(len(images) / columns)
    cell = _SIDE + _LINE * lines + 0.2
    width, height = max(columns * (_SIDE + 0.2) + 0.2, figure.width_of(title, 10) + 0.4), rows * cell + 0.45
    made = figure.new(width, height)
    made.text(0.2 / width, 1 - 0.28 / height, title, fontsize=10)
    low, high = contact_sheet.value_range(images)
    for i, (image, text) in enumerate(zip(images, texts)):
        row, column = divmod(i, columns)
        x, y = 0.2 + column * (_SIDE + 0.2), height - 0.45 - row * cell - _SIDE
        axes = made.add_axes((x / width, y / height, _SIDE / width, _SIDE / height))
        axes.imshow(contact_sheet.as_colors(image, low, high), interpolation="nearest" if len(image) < 100 else None)
        axes.set_axis_off()
        for n, (indent, line) in enumerate(text):
            made.text((x + indent) / width, (y - _LINE * (n + 0.95)) / height, line, fontsize=_SIZE)
    return figure.png(made)


def _two_lines(text):
    """At most two lines, each with its indent."""
    first, *rest = figure.broken(text, _SIDE, _SIZE)
    if not rest:
        return [(0.0, first)]
    return [(0.0, first), (_INDENT, figure.shortened(" ".join(rest), _SIDE - _INDENT, _SIZE))]
