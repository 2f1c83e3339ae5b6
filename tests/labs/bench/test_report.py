"""The report has all labs that were run, and needs no other file."""

import json
import re

from tf_tricks.labs import catalog
from tf_tricks.labs.bench import report, runner


def results(name, verdict, sentence):
    quantity = {"value": 0.5, "threshold": 0.4, "holds": True, "relation": "at least", "low": 0.45, "high": 0.55}
    about = {"lab": name, "section": catalog.section_of(name).number, "claim": "It <helps>.", "erratum": "It does not."}
    about |= {"paper": "A & B 2015", "verdict": verdict, "sentence": sentence, "seeds": 5, "dataset": "digits"}
    about |= {"quantities": {"gain": quantity | {"seeds": 5, "control": None}}, "control": "Without it, nothing."}
    about |= {"asked": {"budget": "full", "dataset": None, "seeds": None}, "command": f"tf-tricks lab {name}"}
    return about | {"seconds": 12.0, "versions": {"keras": "3.15"}}


def test_the_page(tmp_path):
    found = {"momentum": ("reproduced", "It gains 0.5."), "too_big": ("not reproduced", "It gains nothing.")}
    for name, about in found.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "verdict.json").write_text(json.dumps(results(name, *about)))
        (tmp_path / name / "plot.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(24))
    report.write(tmp_path)
    page = (tmp_path / "report.html").read_text()
    assert "2 claims: 1 not reproduced, 1 reproduced." in page  # in the lecture's order
    for _, sentence in found.values():
        assert page.count(sentence) == 2  # in the table, and at its plot
    assert "It &lt;helps&gt;." in page
    assert "tf-tricks lab momentum" in page
    assert page.index("1 Initialisation") < page.index("4 Optimizers")
    assert "5 Pre-processing" not in page
    missing = re.search(r"Without a verdict: (.*?)\.", page)[1].split(", ")
    assert sorted([*missing, *found]) == sorted(catalog.names())
    assert not re.findall(r'(?:src|href)="(?!data:)', page)


def test_a_damaged_verdict_is_none(tmp_path):
    (tmp_path / "momentum").mkdir()
    (tmp_path / "momentum" / "verdict.json").write_text("{")
    assert runner.kept("momentum", tmp_path) is None
