"""report.html: all labs by section of the lecture, on one page that needs no other file."""

import datetime
import os
from typing import Any

from tf_tricks.labs import catalog
from tf_tricks.labs.bench import runner
from tf_tricks.reports import html_page
from tf_tricks.storage import path_of, write_atomically


def write(folder: str | os.PathLike[str]) -> None:
    """Writes the report on the labs that have a verdict in `folder`; those that have none are named."""
    found = {name: kept for name in catalog.names() if (kept := runner.kept(name, folder)) is not None}
    parts = [html_page.paragraph(_summary(found), "lead"), html_page.table(_COLUMNS, _rows(found))]
    if missing := [name for name in catalog.names() if name not in found]:
        parts.append(html_page.paragraph(f"Without a verdict: {', '.join(missing)}."))
    for section in catalog.SECTIONS:
        own = [name for name in section.labs if name in found]
        if own:
            parts.append(html_page.heading(f"{section.number} {section.title}"))
        for name in own:
            parts += _of_lab(name, found[name], (path_of(folder) / name / "plot.png").read_bytes())
    parts.append(html_page.footer(_made(found)))
    write_atomically(path_of(folder) / "report.html", html_page.page("The lecture's claims, measured", parts))


_COLUMNS = ("section", "lab", "verdict", "what was found")


def _summary(found):
    kinds: dict[str, int] = {}
    for kept in found.values():
        kind = kept["verdict"].partition(":")[0]
        kinds[kind] = kinds.get(kind, 0) + 1
    return f"{len(found)} claims: {', '.join(f'{number} {kind}' for kind, number in kinds.items())}."


def _rows(found):
    return [[str(kept["section"]), name, kept["verdict"], kept["sentence"]] for name, kept in found.items()]


def _of_lab(name: str, kept: dict[str, Any], png: bytes) -> list[str]:
    quantities = [
        [called, *(_number(quantity[key]) for key in ("value", "low", "high")), _threshold(quantity), _said(quantity)]
        for called, quantity in kept["quantities"].items()
    ]
    parts = [
        html_page.picture(png, f"{name}: {kept['verdict']}", f"The claim: {kept['claim']}"),
        html_page.paragraph(kept["sentence"]),
        html_page.paragraph(f"Control: {kept['control']}"),
    ]
    if kept["erratum"]:
        parts.append(html_page.paragraph(f"Erratum: {kept['erratum']}"))
    parts += [
        html_page.table(["quantity", "value", "95 % from", "to", "threshold", "holds"], quantities, numbers=[1, 2, 3]),
        html_page.paragraph(_about(kept)),
        html_page.code(kept["command"]),
    ]
    return parts


def _about(kept):
    data = f"Data: {kept['dataset']}. " if kept["dataset"] else ""
    paper = f" {kept['paper']}." if kept["paper"] else ""
    return f"{data}Seeds: {kept['seeds']}. {kept['seconds']:.0f} seconds.{paper}"


def _number(value):
    return "" if value is None else value if isinstance(value, str) else f"{value:.4g}"


def _threshold(quantity):
    return "" if quantity["threshold"] is None else f"{quantity['relation']} {_number(quantity['threshold'])}"


def _said(quantity):
    return {True: "yes", False: "no", None: ""}[quantity["holds"]]


def _made(found):
    budgets = sorted({kept["asked"]["budget"] for kept in found.values()})
    versions = next((kept["versions"] for kept in found.values()), {})
    listed = ", ".join(f"{name} {version}" for name, version in versions.items() if name != "jax")
    return f"Budget: {', '.join(budgets)}. Made on {datetime.date.today():%Y-%m-%d} with {listed}."
