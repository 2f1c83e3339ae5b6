"""Pictures by matplotlib that can be read in print and by the color-blind."""

import contextlib
import io
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


def plain_ticks(axis: Any) -> None:
    """Writes the ticks of a logarithmic axis, one for a power of ten, as plain numbers: formulas are not read here."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axis.set_major_locator(LogLocator(10, numticks=8))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def png(figure: Any) -> bytes:
    """Returns the bytes of a figure's PNG file."""
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")  # a letter that the font lacks is drawn as a box
        figure.savefig(file, format="png")
    return file.getvalue()


def width_of(text: str, size: float) -> float:
    """Returns how wide a text is, in inches.

    Args:
        text: a line.
        size: of its letters, in points.

    Example:
        >>> width_of("wide", 9) > width_of("thin", 9) > 0.1
        True
    """
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")
        return text_to_path.get_text_width_height_descent(text, FontProperties(size=size), ismath=False)[0] / 72


def broken(text: str, width: float, size: float) -> list[str]:
    """Returns a text in lines that are at most so wide; a word that is wider is shortened.

    Example:
        >>> broken("test: 1,000 examples, accuracy 0.9", width=2.0, size=10)
        ['test: 1,000 examples,', 'accuracy 0.9']
    """
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and width_of(longer, size) <= width:
            lines[-1] = longer
        else:
            lines.append(shortened(word, width, size))
    return lines or [""]


def shortened(text: str, width: float, size: float) -> str:
    """Returns a text that is at most so wide, with … in the middle: ends of names tell them apart, too.

    Example:
        >>> shortened("white-winged crossbill", width=1.0, size=9)
        'white-…ossbill'
    """
    text = " ".join(text.split())
    if width_of(text, size) <= width:
        return text
    for left in range(len(text) - 1, 0, -1):
        short = f"{text[: left // 2]}…{text[len(text) - (left - left // 2) :]}"
        if width_of(short, size) <= width:
            return short
    return "…"
