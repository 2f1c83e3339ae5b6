"""Pictures by matplotlib that can be read in print and by the color-blind."""

import contextlib
import io
import textwrap
import warnings
from collections.abc import Iterator
from typing import Any

BLUE, LIGHT_BLUE, ORANGE, GRAY = "#0072b2", "#9ecae1", "#c04e00", "#666666"
"""Everybody can tell them apart, as those of Okabe & Ito; they differ in lightness as well."""

DPI = 150


@contextlib.contextmanager
def style() -> Iterator[None]:
    """Within this context matplotlib draws as here; names of classes are no formulas."""
    import matplotlib

    settings = {
        "text.parse_math": False,
        "font.size": 9,
        "axes.titlesize": 10,
        "axes.titlelocation": "left",
        "axes.spines.top": False,
        "axes.spines.right": False,
    }
    with matplotlib.rc_context(settings):
        yield


def new(width: float, height: float) -> Any:
    """Returns a `matplotlib.figure.Figure` of a size in inches."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=DPI)


def png(figure: Any) -> bytes:
    """Returns the bytes of a figure's PNG file."""
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")  # a letter that the font lacks is drawn as a box
        figure.savefig(file, format="png")
    return file.getvalue()


def broken(title: str, width: float) -> str:
    """Returns a title in lines that fit a figure of a width in inches.

    Example:
        >>> broken("test: 1,000 examples, accuracy 0.9", 2.0).splitlines()
        ['test: 1,000 examples,', 'accuracy 0.9']
    """
    return "\n".join(textwrap.wrap(title, int(width * 72 / (10 * 0.58))))


def shortened(text: str, longest: int) -> str:
    """Returns a text of at most so many letters, with … in the middle, since ends of names tell them apart, too.

    Example:
        >>> shortened("white-winged crossbill", 12)
        'white-…sbill'
    """
    text = " ".join(text.split())
    if len(text) <= longest:
        return text
    head = longest // 2
    return f"{text[:head]}…{text[len(text) - (longest - head - 1) :]}"
