"""What an ablation leaves in its folder: ablation.json, ablation.csv, ablation.html and its picture."""

import csv
import dataclasses
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

from tf_tricks.search.ablation.arms import Arm
from tf_tricks.search.ablation.findings import Finding, sentence
from tf_tricks.search.ablation.runner import RunResult
from tf_tricks.storage import write_atomically
from tf_tricks.training.workdir import versions

COLUMNS = ("mean", "low", "high", "pairs")


def as_json(
    findings: Sequence[Finding],
    arms: Mapping[str, Arm],
    seeds: Sequence[int],
    results: Mapping[str, RunResult],
    metric: str,
    direction: str,
) -> dict[str, Any]:
    """Returns all that an ablation has found, as JSON can hold it.

    Args:
        findings: of each trick.
        arms: by name.
        seeds: of each arm's runs.
        results: by the runs' names.
        metric: by which runs are compared.
        direction: "up" or "down", where it is better.
    """
    return {
        "metric": metric,
        "direction": direction,
        "seeds": list(seeds),
        "tricks": [
            {
                "name": finding.name,
                "setting": finding.setting,
                "in_config": finding.own,
                "verdict": finding.verdict,
                "sentence": sentence(finding, metric),
                "removed": _effect(finding.removed),
                "added": _effect(finding.added),
                "time_ratio": finding.time_ratio,
            }
            for finding in findings
        ],
        "arms": [
            {
                "name": arm.name,
                "config": arm.config,
                "runs": [dataclasses.asdict(results[arm.run_of(seed)]) for seed in seeds],
            }
            for arm in arms.values()
        ],
        "versions": versions(),
    }


def write_json(folder: Any, content: Mapping[str, Any]) -> None:
    """Writes ablation.json into a folder, an `epath.Path`."""
    write_atomically(folder / "ablation.json", json.dumps(content, indent=2).encode() + b"\n")


def write_csv(folder: Any, findings: Sequence[Finding]) -> None:
    """Writes ablation.csv, a row for each trick; differences are those of the metric itself.

    Args:
        folder: an `epath.Path`.
        findings: of each trick.
    """
    file = io.StringIO()
    of_effects = [f"{which}_{column}" for which in ("removed", "added") for column in COLUMNS]
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["trick", "setting", "in_config", "verdict", *of_effects, "time_ratio"])
    for finding in findings:
        row = [finding.name, finding.setting, finding.own, finding.verdict]
        for effect in (finding.removed, finding.added):
            low, high = effect.interval or (None, None)
            row += [effect.mean, low, high, len(effect.differences)]
        writer.writerow([*row, finding.time_ratio])
    write_atomically(folder / "ablation.csv", file.getvalue().encode())


def _effect(effect):
    low, high = effect.interval or (None, None)
    return {
        "mean": effect.mean,
        "low": low,
        "high": high,
        "verdict": effect.verdict,
        "differences": {str(seed): value for seed, value in effect.differences.items()},
        "left_out": {str(seed): why for seed, why in effect.left_out.items()},
        "time_ratios": {str(seed): value for seed, value in effect.time_ratios.items()},
    }
