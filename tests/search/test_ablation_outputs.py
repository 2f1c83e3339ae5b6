"""What an ablation leaves: JSON, CSV, a table, a page with its picture."""

import base64
import csv
import json
import re

import numpy as np
import pytest
from etils import epath
from PIL import Image

from tf_tricks.reports import figure
from tf_tricks.search.ablation import outputs, table
from tf_tricks.search.ablation.arms import arms
from tf_tricks.search.ablation.findings import findings
from tf_tricks.search.ablation.page import headline, write_page
from tf_tricks.search.ablation.picture import forest_plot
from tf_tricks.search.ablation.runner import RunResult
from tf_tricks.search.ablation.tricks import Trick

SEEDS = [0, 1, 2]
CONFIG = {"data": "digits", "model": {"name": "mlp"}, "epochs": 30.0, "a": 1, "b": 1, "l2": 0.1}
VALUES = {
    "full": [0.9, 0.92, 0.94],
    "bare": [0.8, 0.79, None],
    "without a": [0.85, 0.86, 0.9],  # a pays: 5, 6, 4 pp
    "without b<c": [0.9, 0.93, 0.93],  # b<c: 0, −1, 1 pp
    "without l2=0.1": [None, None, None],
    "only a": [0.84, 0.84, 0.8],
    "only b<c": [0.81, 0.79, 0.8],
    "only l2=0.1": [0.8, 0.79, 0.8],
}


def trick(name, key, own=True):
    return Trick(name, "1", own, lambda config: config | {key: 1}, lambda config: config | {key: 0})


TRICKS = [trick("a", "a"), trick("b<c", "b"), trick("l2=0.1", "l2", own=False)]


def parts(values=VALUES, seeds=SEEDS, direction="up"):
    of = arms(CONFIG, TRICKS)
    results = {}
    for name, arm in of.items():
        for seed, value in zip(seeds, values[name]):
            run = arm.run_of(seed)
            seconds = 2.0 if name in ("full", "only a") else 1.0
            outcome = ("complete", "") if value is not None else ("diverged", "the run has <diverged>")
            results[run] = RunResult(f"runs/{run}", seed, *outcome, value, 30.0, seconds)
    return findings(TRICKS, of, seeds, results, direction), of, seeds, results


@pytest.fixture
def found():
    return parts()


def test_the_effects_are_of_the_right_pairs(found):
    a, b, l2 = found[0]
    assert list(a.removed.differences.values()) == pytest.approx([0.05, 0.06, 0.04])
    assert list(a.added.differences.values()) == pytest.approx([0.04, 0.05])
    assert list(b.removed.differences.values()) == pytest.approx([0.0, -0.01, 0.01])
    assert [one.verdict for one in found[0]] == ["pays", "no difference seen", "pays"]
    assert (l2.removed.mean, l2.removed.without_bad, l2.removed.verdict) == (None, 3, "pays")
    assert (a.time_ratio, b.time_ratio) == (2.0, 1.5)
    assert [one.verdict for one in parts(direction="down")[0]] == ["hurts", "no difference seen", "pays"]


def test_the_json_has_all(found, tmp_path):
    outputs.write_json(epath.Path(tmp_path), outputs.as_json(*found, "val_accuracy", "up"))
    content = json.loads((tmp_path / "ablation.json").read_text())
    assert (content["metric"], content["direction"], content["seeds"]) == ("val_accuracy", "up", SEEDS)
    first = content["tricks"][0]
    assert (first["name"], first["in_config"], first["verdict"]) == ("a", True, "pays")
    assert first["removed"]["mean"] == pytest.approx(0.05)
    assert first["removed"]["low"] == pytest.approx(0.05 - 4.302653 * 0.01 / np.sqrt(3), rel=1e-5)
    assert first["sentence"].startswith(
        "pays: +5.0 pp [2.5, 7.5] beside the others, +4.5 pp [-1.9, 10.9] alone; alone, 1 of 3"
    )
    assert first["added"]["left_out"] == {"2": "the run without it has no value"}
    assert content["tricks"][2]["removed"]["mean"] is None
    of = {arm["name"]: arm for arm in content["arms"]}
    assert of["without l2=0.1"]["config"]["l2"] == 0
    assert [run["outcome"] for run in of["bare"]["runs"]] == ["complete", "complete", "diverged"]


def test_the_csv_has_a_row_for_each(found, tmp_path):
    outputs.write_csv(epath.Path(tmp_path), found[0])
    with (tmp_path / "ablation.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["trick"] for row in rows] == ["a", "b<c", "l2=0.1"]
    assert (rows[0]["removed_pairs"], rows[0]["added_pairs"], rows[0]["in_config"]) == ("3", "2", "True")
    assert float(rows[0]["removed_mean"]) == found[0][0].removed.mean
    assert float(rows[0]["added_high"]) == found[0][0].added.interval[1]
    assert (rows[2]["removed_mean"], rows[2]["removed_low"], rows[2]["verdict"]) == ("", "", "pays")


def test_the_table(found):
    lines = table.printed(found[0], "val_accuracy").splitlines()
    assert re.split("  +", lines[0]) == list(table.COLUMNS)
    assert re.split("  +", lines[1]) == ["a", "1", "+5.0 pp [2.5, 7.5]", "+4.5 pp [-1.9, 10.9]", "×2.00", "pays"]
    assert re.split("  +", lines[3])[2] == "no pair of runs"
    assert table.ends(*found[1:], "val_accuracy") == [
        ("full", "val_accuracy 0.92, the mean of 3 of 3 seeds"),
        ("bare", "val_accuracy 0.795, the mean of 2 of 3 seeds"),
    ]
    assert "One seed gives no interval" in table.reading("val_loss", "down", 1)
    assert "has the lower one, and is better" in table.reading("val_loss", "down", 3)


def test_the_page_needs_no_other_file(found, tmp_path):
    write_page(epath.Path(tmp_path), *found, "val_accuracy", "up", "tf-tricks ablate --config='a & b.py'")
    page = (tmp_path / "ablation.html").read_text()
    assert "a and l2=0.1 pay here; b&lt;c makes no difference that is seen." in page
    assert "tf-tricks ablate --config=&#x27;a &amp; b.py&#x27;" in page
    assert "the run has &lt;diverged&gt;" in page
    assert "b<c" not in page
    assert page.count('<td class="number">0.94</td>') == 1
    assert "l2=0.1: beside the others, 3 of 3 runs without it have no value" in page
    assert "It had to be given these: l2=0.1." in page
    (source,) = re.findall(r'src="data:image/png;base64,(.*?)"', page)
    assert base64.b64decode(source) == (tmp_path / "pictures" / "effects.png").read_bytes()
    assert not re.search(r'(src|href)="(?!data:)', page)


@pytest.mark.parametrize(
    ("names", "wanted"),
    [("a", "a pays here."), ("b<c", "b<c makes no difference that is seen."), ("", "Of a too few runs tell anything")],
)
def test_the_headline(names, wanted):
    chosen = [one for one in parts()[0] if one.name == names]
    if not names:
        one_seed = {name: values[:1] for name, values in VALUES.items()}
        chosen = parts(one_seed, SEEDS[:1])[0][:1]
    assert headline(chosen).startswith(wanted)


def artists(findings, metric):
    """The means and ends of the bars as they are drawn, by row from the top, in the units of the axis."""
    with figure.style():
        axes = forest_plot(findings, metric).axes[0]
    found = {}
    for container in axes.containers:
        line, _, (bars,) = container.lines
        row = round(float(line.get_ydata()[0]))
        (start, end), *_ = bars.get_segments()
        found.setdefault(row, []).append((float(line.get_xdata()[0]), float(start[0]), float(end[0])))
    return axes, found


def test_the_picture_shows_means_and_intervals(found):
    axes, drawn = artists(found[0], "val_accuracy")
    a, _, l2 = found[0]
    for (mean, low, high), effect in zip(drawn[0], (a.removed, a.added), strict=True):
        assert (mean, low, high) == pytest.approx([100 * x for x in (effect.mean, *effect.interval)])
    assert len(drawn[2]) == 1  # there is no pair of l2 beside the others
    assert drawn[2][0][0] == pytest.approx(100 * l2.added.mean, abs=1e-9)
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b<c", "l2=0.1"]
    assert "percentage points" in axes.get_xlabel()
    low, high = axes.get_ylim()
    assert low > high  # the first is at the top


def test_a_picture_of_nothing_has_its_axis(tmp_path):
    nothing = {name: [None] * 3 for name in VALUES}
    found = parts(nothing)
    axes, drawn = artists(found[0], "val_loss")
    assert drawn == {}
    assert axes.get_xlim() == (-1.0, 1.0)
    write_page(epath.Path(tmp_path), *found, "val_loss", "down", "tf-tricks ablate")
    assert Image.open(tmp_path / "pictures" / "effects.png").size[0] == round(7.5 * figure.DPI)
    assert table.ends(*found[1:], "val_loss")[0] == ("full", "no value")


def test_equal_values_have_points_without_bars():
    same = {name: [0.5] * 3 for name in VALUES}
    found = parts(same)
    axes, drawn = artists(found[0], "val_loss")
    assert drawn[0] == [(0.0, 0.0, 0.0)] * 2
    assert axes.get_xlim() == (-1.0, 1.0)
