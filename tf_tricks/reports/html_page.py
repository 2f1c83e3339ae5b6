"""A page of HTML that is one file: plain, light, and readable in print."""

import base64
from collections.abc import Iterable, Sequence
from html import escape

from tf_tricks.reports.figure import DPI

_STYLE = """
body { font: 1rem/1.5 system-ui, sans-serif; color: #1a1a1a; background: #fff; max-width: 70rem; margin: 2rem auto;
       padding: 0 1rem; }
h1 { font-size: 1.6rem; line-height: 1.25; } h2 { font-size: 1.2rem; margin-top: 2.2rem; }
p { max-width: 46rem; } p.lead { font-size: 1.15rem; }
pre { background: #f4f4f4; padding: .6rem .8rem; white-space: pre-wrap; overflow-wrap: anywhere; font-size: .9rem; }
div.table { overflow-x: auto; }
table { border-collapse: collapse; font-size: .85rem; font-variant-numeric: tabular-nums; }
th, td { text-align: left; vertical-align: top; padding: .25rem .65rem .25rem 0; border-bottom: 1px solid #ddd; }
th { border-bottom: 1px solid #555; vertical-align: bottom; }
td.number, th.number { text-align: right; }
img { max-width: 100%; height: auto; }
figure { margin: 0; break-inside: avoid; } figcaption p { margin-bottom: .4rem; }
footer { margin-top: 3rem; color: #555; font-size: .85rem; }
@media print { html { font-size: 11px; } body { max-width: none; margin: 0; padding: 0; } h2 { break-after: avoid; }
  p { max-width: none; } div.table { overflow: visible; } tr { break-inside: avoid; } }
"""


def page(title: str, parts: Iterable[str]) -> bytes:
    """Returns the file of a page.

    Args:
        title: its heading, as text.
        parts: what is below, as HTML.

    Example:
        >>> b"<h1>a &lt; b</h1>" in page("a < b", [paragraph("so it is")])
        True
    """
    body = "\n".join(parts)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>{_STYLE}</style>
</head>
<body>
<h1>{escape(title)}</h1>
{body}
</body>
</html>
""".encode()


def heading(text: str) -> str:
    """Returns the heading of a section."""
    return f"<h2>{escape(text)}</h2>"


def paragraph(text: str, kind: str = "") -> str:
    """Returns a paragraph of text; `kind` is "lead" for the one that says what matters.

    Example:
        >>> paragraph("1 < 2")
        '<p>1 &lt; 2</p>'
    """
    return f'<p class="{escape(kind)}">{escape(text)}</p>' if kind else f"<p>{escape(text)}</p>"


def code(text: str) -> str:
    """Returns a command or a piece of a program."""
    return f"<pre>{escape(text)}</pre>"


def picture(png: bytes, title: str, caption: str) -> str:
    """Returns a section with a picture that is part of the page, as large as `figure.new` was told.

    Args:
        png: the bytes of a PNG file.
        title: its heading, as text.
        caption: what stands between them, as text.
    """
    width = round(int.from_bytes(png[16:20], "big") / DPI * 96)  # the header says the pixels; CSS has 96 in an inch
    source = f"data:image/png;base64,{base64.b64encode(png).decode()}"
    image = f'<img alt="{escape(title)}" width="{width}" src="{source}">'
    return f"<figure><figcaption>{heading(title)}{paragraph(caption)}</figcaption>{image}</figure>"


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], numbers: Sequence[int] = ()) -> str:
    """Returns a table of texts; a config path may be broken after its dots.

    Args:
        columns: what stands above them.
        rows: of cells.
        numbers: the columns, counted from 0, that are numbers.

    Example:
        >>> print(table(["trial", "note"], [["7", "a & b"]], numbers=[0]))
        <div class="table"><table>
        <thead><tr><th class="number">trial</th><th>note</th></tr></thead>
        <tbody>
        <tr><td class="number">7</td><td>a &amp; b</td></tr>
        </tbody></table></div>
    """

    def cells(tag, texts):
        kinds = [' class="number"' if i in numbers else "" for i in range(len(texts))]
        return "".join(f"<{tag}{kind}>{_breakable(text)}</{tag}>" for kind, text in zip(kinds, texts))

    body = "\n".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    head = f"<thead><tr>{cells('th', columns)}</tr></thead>"
    return f'<div class="table"><table>\n{head}\n<tbody>\n{body}\n</tbody></table></div>'


def folded(summary: str, content: str) -> str:
    """Returns HTML that is shown once its summary, a text, is clicked on."""
    return f"<details><summary>{escape(summary)}</summary>\n{content}\n</details>"


def footer(text: str) -> str:
    """Returns what stands at the end of the page."""
    return f"<footer>{escape(text)}</footer>"


def _breakable(text):
    is_path = "." in text and text.replace("_", "").replace(".", "").isalpha()
    return escape(text).replace(".", ".<wbr>") if is_path else escape(text)
