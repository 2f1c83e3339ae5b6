"""ablation.html: which tricks pay, on one page; and its picture as a file."""

import importlib.metadata
from collections.abc import Mapping, Sequence
from typing import Any

import tf_tricks
from tf_tricks.reports import figure, html_page
from tf_tricks.search.ablation import table
from tf_tricks.search.ablation.arms import Arm
from tf_tricks.search.ablation.effects import HURTS, MIXED, NOTHING, PAYS, UNKNOWN
from tf_tricks.search.ablation.findings import Finding, notes
from tf_tricks.search.ablation.picture import forest_plot
from tf_tricks.search.ablation.runner import RunResult
from tf_tricks.search.labels import number_text, text_of
from tf_tricks.storage import write_atomically

_SAID = {
    PAYS: ("pays here", "pay here"),
    HURTS: ("hurts", "hurt"),
    MIXED: ("depends on the others", "depend on the others"),
    NOTHING: ("makes no difference that is seen", "make no difference that is seen"),
}  # of one trick, and of several


def write_page(
    folder: Any,
    findings: Sequence[Finding],
    arms: Mapping[str, Arm],
    seeds: Sequence[int],
    results: Mapping[str, RunResult],
    metric: str,
    direction: str,
    command: str,
) -> None:
    """Writes ablation.html, one file that needs no other, and pictures/effects.png.

    Args:
        folder: the ablation's, an `epath.Path`.
        findings: of each trick.
        arms: by name.
        seeds: of each arm's runs.
        results: by the runs' names.
        metric: by which runs are compared.
        direction: "up" or "down", where it is better.
        command: that made it.
    """
    with figure.style():
        png = figure.png(forest_plot(findings, metric))
    (folder / "pictures").mkdir(parents=True, exist_ok=True)
    write_atomically(folder / "pictures" / "effects.png", png)
    ends = table.ends(arms, seeds, results, metric)
    parts = [
        html_page.paragraph(headline(findings), "lead"),
        html_page.paragraph("; ".join(f"{_ENDS[name]}: {text}" for name, text in ends) + "."),
        html_page.table(table.COLUMNS, table.rows(findings, metric), numbers=[4]),
        html_page.paragraph(table.reading(metric, direction, len(seeds))),
        *(html_page.paragraph(f"{finding.name}: {note}.") for finding in findings for note in notes(finding)),
        html_page.picture(png, "The two effects of each trick", _CAPTION),
        html_page.heading("How it was compared"),
        html_page.paragraph(_compared(findings, arms, seeds)),
        html_page.code(command),
        html_page.heading("The runs"),
        html_page.folded(f"{len(arms)} configs, {len(seeds)} seeds", _runs(arms, seeds, results, metric)),
        html_page.footer(_versions()),
    ]
    write_atomically(folder / "ablation.html", html_page.page("Which tricks pay", parts))


_ENDS = {"full": "With all of the tricks", "bare": "with none"}
_CAPTION = (
    "A point is the mean over the seeds and a bar its 95 % interval; one without a bar has too few pairs, or equal "
    "differences. Beside the others: all tricks against all but this one. Alone: this one against none."
)


def headline(findings: Sequence[Finding]) -> str:
    """Returns which tricks pay, in a sentence or two."""
    parts = []
    for verdict in _SAID:
        names = [finding.name for finding in findings if finding.verdict == verdict]
        if names:
            listed = ", ".join(names[:-1]) + (" and " if names[1:] else "") + names[-1]
            parts.append(f"{listed} {_SAID[verdict][len(names) > 1]}")
    unknown = [finding.name for finding in findings if finding.verdict == UNKNOWN]
    text = "; ".join(parts) + "." if parts else ""
    if unknown:
        text += f" Of {', '.join(unknown)} too few runs tell anything sure."
    return text.strip()


def _compared(findings, arms, seeds):
    config = next(iter(arms.values())).config
    what = ", ".join(f"{key} {text_of(config[key])}" for key in ("data", "model", "epochs"))
    added = [finding.name for finding in findings if not finding.own]
    more = f" It had to be given these: {', '.join(added)}." if added else ""
    return (
        f"With all of the tricks, the config has {what}.{more} Each of {len(arms)} configs was trained with the seeds "
        f"{', '.join(map(str, seeds))}. A seed decides the initial weights, the order of the examples, all that is "
        "drawn and which examples are the validation, so that runs of one seed are pairs. The test set is untouched. "
        "Time is that of an epoch's training steps with the trick over without it, the median over all pairs, without "
        "compilation. Each interval stands for itself: one in twenty misses the true difference by chance."
    )


def _runs(arms, seeds, results, metric):
    rows = []
    for arm in arms.values():
        for seed in seeds:
            result = results[arm.run_of(seed)]
            value = "" if result.value is None else number_text(result.value)
            seconds = "" if result.seconds_per_epoch is None else number_text(result.seconds_per_epoch)
            rows.append([arm.name, str(seed), value, seconds, result.outcome, result.note, result.folder])
    columns = ["config", "seed", metric, "seconds an epoch", "outcome", "why", "folder"]
    return html_page.table(columns, rows, numbers=[1, 2, 3])


def _versions():
    others = [f"{name} {importlib.metadata.version(name)}" for name in ("keras", "tensorflow", "scipy", "matplotlib")]
    return f"Made by tf_tricks {tf_tricks.__version__} with {', '.join(others)}."
