"""The command lab lists, runs and refuses; what other commands call their flags is theirs."""

import json

import pytest
from support.sentences import assert_sentence

from tf_tricks.labs import catalog


def test_the_list_has_all_labs_and_their_last_verdicts(tf_tricks, tmp_path):
    (tmp_path / "momentum").mkdir()
    (tmp_path / "momentum" / "verdict.json").write_text(json.dumps({"verdict": "reproduced", "seconds": 12.3}))
    outcome = tf_tricks("lab", f"--output={tmp_path}")
    assert outcome.status == 0, outcome.err
    lines = outcome.out.splitlines()
    assert [line.split()[0] for line in lines if line.startswith("  ")] == catalog.names()
    assert [line for line in lines if "[" in line] == [line for line in lines if line.endswith("[reproduced, 12 s]")]


def test_a_lab_leaves_its_verdict_its_plot_and_the_command_that_repeats_it(tf_tricks, tmp_path):
    outcome = tf_tricks("lab", "effective_dimension", "--budget=quick", f"--output={tmp_path}")
    assert outcome.status == 0, outcome.err
    verdict = json.loads((tmp_path / "effective_dimension" / "verdict.json").read_text())
    assert verdict["verdict"] in outcome.out
    assert verdict["command"] == "tf-tricks lab effective_dimension --budget=quick"
    for quantity in verdict["quantities"].values():
        assert {"value", "low", "high", "threshold", "seeds", "control"} <= quantity.keys()
    assert (tmp_path / "effective_dimension" / "plot.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["momentun"], "no lab 'momentun'; did you mean 'momentum'"),
        (["momentum", "adagrad"], "one lab at a time, or --all, not momentum, adagrad"),
        (["momentum", "--all"], "--all runs 'momentum' as well"),
        (["momentum", "--budget=large"], "no budget 'large'"),
        (["momentum", "--seeds=1"], "seeds must be an integer at least 2, not 1"),
        (["momentum", "--dataset=digits"], "the lab 'momentum' makes its own data: leave --dataset=digits out"),
    ],
)
def test_a_request_that_cannot_be_used(tf_tricks, tmp_path, arguments, sentence):
    assert_sentence(tf_tricks("lab", *arguments, f"--output={tmp_path / 'labs'}"), 2, sentence)
    assert not (tmp_path / "labs").exists()


def test_other_commands_keep_their_flags(tf_tricks, tmp_path):
    tf_tricks("lab", f"--output={tmp_path}", "--budget=quick", "--seeds=7")
    assert_sentence(tf_tricks("doctor"), 2, "say what to examine")
    assert_sentence(tf_tricks("runs", tmp_path), 2, "there are no runs in")
