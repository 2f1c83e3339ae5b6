"""A picture of what an augmentation makes of images: each row an image and variants of it, their labels below."""

import io
import math
import warnings
import weakref
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from tf_tricks.annotations import Tensor
from tf_tricks.data.labels import Labels
from tf_tricks.data.stream import Stream, permuted

_CELL = 128  # pixels that the longer side of a shown image has, about
_GAP = 8  # pixels between images
_LINE = 16  # pixels of a line of text
_LETTER = 7.5  # pixels of a letter, on average
_TOGETHER = 8  # examples in a batch, even where fewer are shown: with some of them one may be mixed
_RANGES = ((0, 1), (0, 16), (0, 255))  # what values of images may mean; scikit-learn's digits go from 0 to 16

_DRAWN: "weakref.WeakKeyDictionary[Stream, tuple[Any, bytes]]" = weakref.WeakKeyDictionary()
"""The last picture of each stream: the runs of a search that share one show the same."""


class Row(NamedTuple):
    """A row of the sheet.

    Attributes:
        images: list of arrays [height, width, channels].
        captions: what is written below each of them.
        name: what is written before them.
    """

    images: Any
    captions: Any
    name: str = ""


def shows(source: Any) -> bool:
    """Returns whether the examples of a source are images."""
    shape, labels = source.input_shape, getattr(source, "labels", None)
    return isinstance(shape, tuple) and len(shape) == 3 and isinstance(shape[0], int) and isinstance(labels, Labels)


def of_stream(stream: Stream, epochs: float, rows: int = 8, variants: int = 6, format: str = "png") -> bytes:
    """Returns the picture of a stream's first examples, each as it is and as training will see it in later epochs.

    Args:
        stream: `tt.data.Stream` of images, with an augmentation.
        epochs: how long the run is; the variants are those of positions from its start to its end.
        rows: examples.
        variants: of each example.
        format: `"png"` or `"jpg"`.

    Returns:
        The bytes of the picture's file.
    """
    asked = (epochs, rows, variants, format, stream.augment)
    before, picture = _DRAWN.get(stream, ((), b""))
    if before == asked:
        return picture
    number = stream.source.num_examples
    last = max(0, int(epochs * number) - max(rows + rows % 2, _TOGETHER))  # the run has no position beyond its end
    starts = [int(last * i / max(1, variants - 1)) // 2 * 2 for i in range(variants)]
    titles = ["original", *[f"epoch {start // number + 1}" for start in starts]]
    picture = draw(rows_of(stream, rows, starts), titles, format)
    _DRAWN[stream] = (asked, picture)
    return picture


def rows_of(stream: Any, rows: int, starts: Sequence[int], together: int = _TOGETHER) -> list[Row]:
    """Returns a `Row` for each of a stream's first `rows` examples: itself, and its variants.

    Args:
        stream: `tt.data.Stream` of images.
        rows: examples.
        starts: even positions in the stream, from each of which on the examples are augmented once.
        together: an even number, the fewest examples of a batch.
    """
    source = stream.source
    number = max(rows + rows % 2, together)
    first = tf.range(number, dtype=tf.int64)
    batches = [stream.fetch(first)[:2]]
    with tf.device("CPU:0"):
        indices = permuted(first, source.num_examples, stream.seed)
        for i, start in enumerate(starts):
            order = permuted(i * number + first, number, stream.seed)  # each time beside others, as in training
            positions = start + first  # the source may draw at random by the position, too: a window of a photo
            batch = stream.augmented(source.fetch(tf.gather(indices, order), positions)[:2], positions)
            batches.append([tf.gather(part, tf.argsort(order)) for part in batch])
    sheet = []
    for k in range(min(rows, source.num_examples)):
        images, labels = zip(*[(np.asarray(images[k]), np.asarray(labels[k])) for images, labels in batches])
        sheet.append(Row(images, [caption(label, source.num_classes, source.label_names) for label in labels]))
    return sheet


def caption(label: Tensor, num_classes: int | None = None, label_names: Sequence[str] | None = None) -> str:
    r"""Returns a label as text: a class's name, or the two classes of most weight in lines of their own, or numbers.

    Args:
        label: NumPy number, or array [num_classes] of weights, or array of real numbers.
        num_classes: classes, or None for real numbers.
        label_names: their names, or None.

    Example:
        >>> caption(np.array([0.0, 0.3, 0.7]), 3, ["bird", "cat", "dog"])
        'dog 0.7\ncat 0.3'
    """
    label = np.asarray(label)
    if label.dtype.kind == "f" and (num_classes is None or label.shape != (num_classes,)):
        return " ".join(f"{value:.3g}" for value in label.ravel()[:3])
    if label.ndim == 0:
        return _name(int(label), label_names)
    largest = [(float(label[i]), _name(i, label_names)) for i in np.argsort(-label, kind="stable")[:2]]
    if largest[0][0] > 0.995:
        return largest[0][1]
    return "\n".join(f"{_shortened(name, 12)} {round(weight, 2):g}" for weight, name in largest if weight > 0.005)


def draw(rows: Sequence[Row], titles: Sequence[str] = (), format: str = "png") -> bytes:
    """Returns the bytes of a picture of `rows`.

    Args:
        rows: list of `Row`.
        titles: what is written above each column.
        format: `"png"` or `"jpg"`.
    """
    low, high = value_range([row.images[0] for row in rows])
    shown = [[_resized(as_colors(image, low, high)) for image in row.images] for row in rows]
    cell_height, cell_width = (max(i.shape[axis] for images in shown for i in images) + _GAP for axis in (0, 1))
    longest = int((cell_width - _GAP / 2) / _LETTER)
    captions = [[_shortened(text, longest).split("\n") for text in row.captions] for row in rows]
    heights = [cell_height + _LINE * max(len(lines) if any(lines) else 0 for lines in texts) for texts in captions]
    names = max(math.ceil(len(row.name) * _LETTER) for row in rows)
    left = _GAP + (names + _GAP if names else 0)
    top = _GAP + (_LINE if titles else 0)

    canvas = np.full((top + sum(heights), left + max(map(len, shown)) * cell_width, 3), 255, "uint8")
    middles = [left + column * cell_width + (cell_width - _GAP) / 2 for column in range(max(map(len, shown)))]
    texts = [(title, middle, top - 6, "center", "0.4") for title, middle in zip(titles, middles)]
    y = top
    for row, images, lines_below, height in zip(rows, shown, captions, heights):
        texts.append((row.name, left - _GAP, y + (cell_height - _GAP) / 2 + 4, "right", "0"))
        for image, middle, lines in zip(images, middles, lines_below):
            x = round(middle - image.shape[1] / 2)
            canvas[y : y + image.shape[0], x : x + image.shape[1]] = image
            under = y + image.shape[0] + 13
            texts += [(line, middle, under + _LINE * n, "center", "0") for n, line in enumerate(lines)]
        y += height
    return _file(canvas, [text for text in texts if text[0]], format)


def _file(canvas, texts, format):
    """The bytes of a picture of `canvas` with texts (text, x, y of its base line, alignment, colour) on it."""
    from matplotlib.figure import Figure  # takes half a second, which a start should not cost

    height, width, _ = canvas.shape
    figure = Figure(figsize=(width / 100, height / 100), dpi=100)
    figure.figimage(canvas, zorder=-1)
    for text, x, y, alignment, colour in texts:
        text = text.replace("$", r"\$")  # no formula
        figure.text(x / width, 1 - y / height, text, ha=alignment, va="baseline", fontsize=9, color=colour)
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")  # a letter that the font lacks is drawn as a box
        figure.savefig(file, format=format, dpi=100)
    return file.getvalue()


def value_range(originals: Sequence[Tensor]) -> tuple[float, float]:
    """Returns what is black and what is white in images, by their values: 0 and 1, 16 or 255, or the extremes.

    Args:
        originals: NumPy arrays, the images.
    """
    least, most = min(float(i.min()) for i in originals), max(float(i.max()) for i in originals)
    return next(((low, high) for low, high in _RANGES if low <= least and most <= high), (least, most))


def as_colors(image: Tensor, low: float, high: float) -> Tensor:
    """Returns an image [height, width, channels] as uint8 of three channels; what is transparent shows white.

    Args:
        image: NumPy array.
        low: the value of black.
        high: the value of white.
    """
    image = np.nan_to_num((image.astype("float32") - low) * (255 / max(high - low, 1e-12)))
    if image.shape[-1] in (2, 4):  # with alpha, over white
        opaque = np.clip(image[..., -1:] / 255, 0, 1)
        image = opaque * image[..., :-1] + (1 - opaque) * 255
    image = image if image.shape[-1] == 3 else np.repeat(image[..., :1], 3, axis=-1)
    return np.clip(np.round(image), 0, 255).astype("uint8")


def _resized(image):
    side = max(image.shape[:2])
    if side > 1.25 * _CELL:
        from PIL import Image

        size = [max(1, round(length * _CELL / side)) for length in (image.shape[1], image.shape[0])]
        return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.LANCZOS))
    times = max(1, round(_CELL / side))
    return image.repeat(times, axis=0).repeat(times, axis=1)


def _name(number, label_names):
    return str(number if label_names is None else label_names[number])


def _shortened(text, longest):
    return "\n".join(line if len(line) <= longest else line[: longest - 1] + "…" for line in text.split("\n"))
