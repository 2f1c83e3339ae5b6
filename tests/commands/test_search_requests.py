"""What `tf-tricks search` refuses: a sentence each, and nothing is written."""

import re

import pytest
from support.searches import SPACE, arguments
from support.sentences import assert_sentence, contents

REFUSED = {
    "no space": (["--space="], "say --space, as in --space=sgd"),
    "a space that is not there": (["--space=sdg"], "there is no space file 'sdg'; did you mean 'sgd'"),
    "no workdir": (["--workdir="], "say --workdir, as in --workdir=runs/search"),
    "no trials": (["--trials=0"], "trials must be an integer at least 1"),
    "half a trial": (["--trials=1.5"], "flag --trials=1.5"),
    "a share above 1": (["--coarse_share=2"], "coarse_share must be a number at least 0 and at most 1, not 2"),
    "too few coarse trials": (["--trials=3", "--coarse_share=0.5"], "of 3 trials would be coarse, which is too few"),
    "no coarse epochs": (["--coarse_epochs=0"], "coarse_epochs must be a number above 0"),
    "no fine epochs": (["--fine_epochs=-1"], "fine_epochs must be a number above 0"),
    "no seeds": (["--seeds=0"], "seeds must be an integer at least 1"),
    "a seed that is not there": (["--sampler_seed=-1"], "sampler_seed must be an integer at least 0"),
    "a sampler": (["--sampler=grit"], "there is no sampler 'grit'; did you mean 'grid'"),
    "a pruner": (["--pruner=hyberband"], "there is no pruner 'hyberband'; did you mean 'hyperband'"),
    "a metric": (["--metric=val_acuracy"], "called 'val_acuracy'; did you mean 'val_accuracy'"),
    "a metric of training": (["--metric=accuracy"], "called 'accuracy'; did you mean 'val_accuracy'"),
    "a direction": (["--direction=upp"], "there is no direction 'upp'; did you mean 'up'"),
    "no validation": (
        ["--config.data.validation_fraction=0"],
        "and the config has none: say --config.data.val",
    ),
    "a storage of no kind": (["--storage=mongo://here/there"], "there is no storage 'mongo': it must be one of"),
    "a storage that is no journal": (
        ["--storage=study.txt"],
        "is neither a URL, as sqlite:///study.db, nor a",
    ),
    "a storage in no folder": (["--storage=nowhere/study.journal"], "lies in a folder that does not exist"),
    "a server that is not there": (
        ["--storage=postgresql://u:secret@127.0.0.1:1/db"],
        "…@127.0.0.1:1/db cannot be",
    ),
    "a config that is not there": (["--config=digts"], "there is no config file 'digts'; did you mean 'digits'"),
    "an argument": (["fast"], "'fast' is no flag"),
    "a flag": (["--trails=4"], "Unknown command line flag 'trails'"),
    "more epochs than the config's": (["--coarse_epochs=31"], "longer than the config's own 30 epochs"),
    "a loss that is not the same for all": (
        ["--metric=val_loss", "--space=sgd"],
        "trials that differ in l2",
    ),
    "no jobs": (["--jobs=0"], "jobs must be an integer at least 1"),
    "a grid that is too large": (
        ["--sampler=grid", "--trials=3", "--coarse_share=1"],
        "has 4 points, and this stage has 3",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_wrong_request(tf_tricks, tmp_path, name):
    wrong, sentence = REFUSED[name]
    flags = [argument.split("=")[0] for argument in wrong]
    given = [argument for argument in arguments(tmp_path) if argument.split("=")[0] not in flags]
    before = contents(tmp_path)
    outcome = tf_tricks(*given, *wrong)
    assert_sentence(outcome, 2, re.escape(sentence) if "…" in sentence else sentence)
    assert "secret" not in outcome.err
    assert contents(tmp_path) == before


@pytest.mark.parametrize(
    ("space", "sentence"),
    [
        ("{'learning_rat': choice(1)}", "there is no config path 'learning_rat'; did you mean 'learning_rate'"),
        ("{'l2': [1, 2]}", "l2 must be drawn from a distribution of tf_tricks.search"),
        ("{'seed': choice(1, 2)}", "a space cannot have seed"),
        ("{'l2': uniform(1, 0)}", r"uniform\(1, 0\) has no values between"),
        (
            "{'optimizer': choice('sgd', 'adm', 'adam')}",
            "the space has optimizer=adm, and there is no optimizer 'adm'",
        ),
        ("{'batch_size': choice(64, 10**6, 32)}", "the space has batch_size=1000000, and "),
        ("{'batch_size': uniform(1, 64)}", "batch_size is an integer: draw it from integers"),
        ("{'batch_size': choice(32, 64)}", "the space has 2 points and this search 3 coarse trials"),
    ],
)
def test_a_wrong_space(tf_tricks, tmp_path, space, sentence):
    given = arguments(tmp_path, space=SPACE + space)
    assert_sentence(tf_tricks(*given), 2, sentence)
    assert not (tmp_path / "search").exists()


def test_a_folder_of_something_else(tf_tricks, tmp_path):
    given = arguments(tmp_path)
    (tmp_path / "search").mkdir()
    (tmp_path / "search" / "notes.txt").write_text("mine")
    assert_sentence(tf_tricks(*given), 2, "holds something else than a search: choose a new or empty folder")
    (tmp_path / "search" / "config.json").write_text("{}")
    assert_sentence(tf_tricks(*given), 2, "holds a run: choose a new or an empty folder for the search")
