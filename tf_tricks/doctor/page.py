"""The diagnosis as one HTML page, with what was measured as pictures."""

import importlib
import importlib.metadata
import importlib.util
from collections.abc import Mapping, Sequence
from typing import Any

from tf_tricks.doctor.finding import NAMES, Finding, likely
from tf_tricks.reports import figure, html_page

TITLE = "Why does it not train?"


def page_of(
    headline: str,
    findings: Sequence[Finding],
    notes: Sequence[str],
    looked_at: Sequence[str],
    measured: Mapping[str, Any],
) -> bytes:
    """Returns the bytes of the page of a diagnosis; arguments are what a `Diagnosis` holds.

    Args:
        headline: how many findings there are, in words.
        findings: the most likely cause first.
        notes: a line each.
        looked_at: names of the checks that were carried out.
        measured: dict of a check's name to what it has measured.
    """
    parts = [html_page.paragraph(headline, "lead")]
    if findings:
        rows = [[f"{f.confidence:.2f}", f.name, NAMES[f.name]] for f in findings]
        parts.append(html_page.table(["how sure", "finding", "what it is"], rows, numbers=[0]))
    for number, finding in enumerate(findings, 1):
        parts += [
            html_page.heading(f"{number}. {finding.name}"),
            html_page.paragraph(f"What it is: {NAMES[finding.name]}."),
            html_page.paragraph(f"How sure: {likely(finding.confidence)} ({finding.confidence:.2f})."),
            html_page.paragraph(f"Measured: {finding.measured}."),
            html_page.paragraph(f"Why it matters: {finding.why}"),
            html_page.paragraph("What to change:"),
            html_page.code(finding.change),
        ]
    for name, one in measured.items():
        parts += _picture(name, one)
    if notes:
        parts.append(html_page.heading("Notes"))
        parts += [html_page.paragraph(note) for note in notes]
    parts.append(html_page.paragraph(f"Looked at: {', '.join(looked_at) or 'nothing'}."))
    parts.append(html_page.footer(_versions()))
    return html_page.page(TITLE, parts)


def _picture(name, measured):
    """Drawn by the module of `pictures` that has the check's name: a figure, a PNG file or HTML."""
    path = f"tf_tricks.doctor.pictures.{name.replace(' ', '_')}"
    if importlib.util.find_spec(path) is None:
        return []
    module = importlib.import_module(path)
    with figure.style():
        drawn = module.draw(measured)
        if isinstance(drawn, str):
            return [html_page.heading(module.TITLE), html_page.paragraph(module.READING), drawn]
        png = drawn if isinstance(drawn, bytes) else figure.png(drawn)
    return [html_page.picture(png, module.TITLE, module.READING)]


def _versions():
    import tf_tricks

    others = [f"{name} {importlib.metadata.version(name)}" for name in ("keras", "tensorflow", "matplotlib")]
    return f"Made by tf_tricks {tf_tricks.__version__} with {', '.join(others)}."
