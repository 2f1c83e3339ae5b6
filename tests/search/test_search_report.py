"""report.html says what was searched and found, in one file."""

import base64
import json
import re
from html.parser import HTMLParser

import pytest
from optuna.distributions import CategoricalDistribution
from support.search_results import search, space

from tf_tricks.search.report import write_report
from tf_tricks.search.results import TrialResult, best, ranked

CONFIG = {"data": {"name": "digits"}, "model": {"name": "mlp", "hidden": [64]}, "epochs": 30.0}
COMMAND = 'tf-tricks search --config=digits --space="a & b.py"'


class Page(HTMLParser):
    """Takes a page to pieces."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.tables, self.text, self._open = [], [], "", []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")
        if tag not in ("meta", "img", "wbr"):
            self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        self.text += data
        if self._open and self._open[-1] in ("td", "th"):
            self.tables[-1][-1][-1] += data


@pytest.fixture(scope="module")
def results():
    return search(40, 4, fine=15)


@pytest.fixture(scope="module")
def folder(results, tmp_path_factory):
    made = tmp_path_factory.mktemp("a search")
    write_report(made, results, space(4), CONFIG, "val_accuracy", "up", COMMAND)
    return made


@pytest.fixture(scope="module")
def page(folder):
    return Page((folder / "report.html").read_text(encoding="utf-8"))


def test_it_needs_nothing_from_outside(folder, page):
    text = re.sub("base64,[A-Za-z0-9+/=]+", "", (folder / "report.html").read_text(encoding="utf-8"))
    assert "http" not in text
    assert "url(" not in text
    assert not {"script", "link", "iframe"} & {tag for tag, _ in page.tags}
    sources = [attributes["src"] for tag, attributes in page.tags if tag == "img"]
    assert len(sources) == 5
    assert all(source.startswith("data:image/png;base64,") for source in sources)


def test_the_pictures_are_files_as_well(folder, page):
    files = {file.name: file.read_bytes() for file in (folder / "pictures").iterdir()}
    assert files.keys() == {
        f"{name}.png" for name in ("importances", "history", "slices", "parallel_coordinates", "random_against_grid")
    }
    sources = [attributes["src"] for tag, attributes in page.tags if tag == "img"]
    assert {base64.b64decode(source.partition(",")[2]) for source in sources} == set(files.values())


def test_the_best_comes_first(folder, page, results):
    found = best(results, "up")
    before = page.text[: page.text.index("What was searched")]
    assert f"The best of 40 trials is trial {found.number}: val_accuracy {found.value:.4g}" in before
    assert f"seeds from {min(found.values):.4g} to {max(found.values):.4g}" in before
    assert f"learning_rate.schedule.initial = {found.params['learning_rate.schedule.initial']:.4g}" in before
    assert f"--config='{folder}/best.py' --workdir='{folder}/best'" in before


def test_what_was_searched(page):
    assert COMMAND in page.text
    assert "data digits, model mlp(hidden=[64]), epochs 30" in page.text
    assert "40 trials (25 coarse, 15 fine): 36 complete" in page.text
    assert page.tables[0] == [
        ["parameter", "values"],
        ["learning_rate.schedule.initial", "1e-4 to 1, on a logarithmic scale"],
        ["optimizer.momentum", "0.5 to 0.99"],
        ["batch_size", "32, 64 or 128"],
        ["augment", "None, rand_augment or standard(flip=False, pad=2)"],
    ]


def test_the_ten_best(page, results):
    [head, *rows] = page.tables[1]
    assert head[:5] == ["trial", "stage", "outcome", "val_accuracy", "epochs"]
    assert head[5:] == list(space(4))
    assert [int(row[0]) for row in rows] == [r.number for r in ranked(results, "up")[:10]]
    assert [float(row[3]) for row in rows] == [float(f"{r.value:.4g}") for r in ranked(results, "up")[:10]]


def test_those_that_failed_with_their_notes(page, results):
    [_, *rows] = page.tables[2]
    failed = [r for r in results if r.outcome not in ("complete", "pruned")]
    assert rows == [[str(r.number), r.stage, r.outcome, r.note, r.folder] for r in failed]
    assert "<at> step 7 & later" in rows[0][3]


def test_every_trial_is_there(page, results):
    [_, *rows] = page.tables[3]
    assert [(int(row[0]), row[2]) for row in rows] == [(r.number, r.outcome) for r in results]


def test_nothing_of_the_trials_becomes_html(tmp_path):
    evil = "<script>alert('&')</script>"
    trials = [
        TrialResult(0, "coarse", "complete", value=0.5, values=(0.5,), params={evil: {"name": evil}}),
        TrialResult(1, "coarse", "failed", note=evil, folder=evil, params={evil: evil}),
    ]
    choices = CategoricalDistribution([json.dumps({"name": evil}), evil])
    write_report(tmp_path, trials, {evil: choices}, {"data": evil}, evil, "up", evil)
    page = Page((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert "script" not in {tag for tag, _ in page.tags}
    assert evil in page.text


def test_a_search_of_which_nothing_is_complete(tmp_path):
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "history.png").write_bytes(b"of an earlier report")
    trials = [TrialResult(0, "coarse", "diverged", note="the loss is NaN", params={"l2": 0.1})]
    write_report(tmp_path, trials, {}, CONFIG, "val_loss", "down", COMMAND)
    page = Page((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert "None of 1 trial is complete" in page.text
    assert "img" not in {tag for tag, _ in page.tags}
    assert list((tmp_path / "pictures").iterdir()) == []
