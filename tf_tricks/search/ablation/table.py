"""What an ablation has found, as a table of texts."""

from collections.abc import Mapping, Sequence

from tf_tricks.search.ablation.arms import BARE, FULL, Arm
from tf_tricks.search.ablation.findings import Finding, difference_text, time_text, unit_of
from tf_tricks.search.ablation.runner import RunResult
from tf_tricks.search.labels import number_text

COLUMNS = ("trick", "setting", "beside the others", "alone", "time", "verdict")


def rows(findings: Sequence[Finding], metric: str) -> list[list[str]]:
    """Returns a row for each trick, with a text for each of `COLUMNS`."""
    return [
        [
            finding.name,
            finding.setting,
            difference_text(finding.removed, metric),
            difference_text(finding.added, metric),
            time_text(finding.time_ratio),
            finding.verdict,
        ]
        for finding in findings
    ]


def printed(findings: Sequence[Finding], metric: str) -> str:
    """Returns the table for a terminal."""
    short = [[text if len(text) <= 40 else f"{text[:39]}…" for text in row] for row in rows(findings, metric)]
    lines = [list(COLUMNS), *short]
    widths = [max(len(line[i]) for line in lines) for i in range(len(COLUMNS))]
    return "\n".join("  ".join(text.ljust(width) for text, width in zip(line, widths)).rstrip() for line in lines)


def ends(
    arms: Mapping[str, Arm], seeds: Sequence[int], results: Mapping[str, RunResult], metric: str
) -> list[tuple[str, str]]:
    """Returns the arms with all and with none of the tricks, each with its value, as texts."""
    found = []
    for name in (FULL, BARE):
        values = [results[arms[name].run_of(seed)].value for seed in seeds]
        there = [value for value in values if value is not None]
        text = "no value" if not there else f"{metric} {number_text(sum(there) / len(there))}"
        if there and len(seeds) > 1:
            text += f", the mean of {len(there)} of {len(seeds)} seeds"
        found.append((name, text))
    return found


def reading(metric: str, direction: str, number: int) -> str:
    """Returns how the table is read.

    Args:
        metric: by which runs are compared.
        direction: "up" or "down", where it is better.
        number: of seeds.
    """
    unit = "percentage points" if unit_of(metric)[0] else "units"
    better = {"up": "higher", "down": "lower"}[direction]
    text = (
        f"Differences are in {unit} of {metric} between runs of the same seed; above 0, the run with the trick has the "
        f"{better} one, and is better."
    )
    if number == 1:
        return f"{text} One seed gives no interval: a difference may be chance; say --seeds=5."
    return f"{text} In brackets is the 95 % interval of the mean over {number} seeds, by Student's t."
