"""25 examples: a sheet of pictures, or a table."""

from typing import Any

from tf_tricks.reports import html_page
from tf_tricks.training import contact_sheet

TITLE = "25 training examples"
READING = (
    "As the train step sees them, with their labels: are they what was meant, upright, in focus, and rightly named?"
)
_IN_A_ROW = 5


def draw(measured: Any) -> bytes | str:
    """Returns the bytes of a PNG file; or, where the examples are no pictures, a table of HTML.

    Args:
        measured: `sheet_of_examples.Examples`.
    """
    if measured.pictures is None:
        columns = ["label", *(str(i) for i in range(len(measured.rows[0])))]
        return html_page.table(columns, [[label, *row] for label, row in zip(measured.labels, measured.rows)])
    rows = [
        contact_sheet.Row(measured.pictures[i : i + _IN_A_ROW], measured.labels[i : i + _IN_A_ROW])
        for i in range(0, len(measured.pictures), _IN_A_ROW)
    ]
    return contact_sheet.draw(rows)
