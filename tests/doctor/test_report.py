"""The order of findings, what becomes of checks that break, and the diagnosis as text, JSON and a page."""

import importlib
import json
import pkgutil
import re
import types

import keras
import numpy as np
import pytest
from support import examined

import tf_tricks as tt
from tf_tricks.doctor import causes, data_labels, data_values, pictures, sheet_of_examples
from tf_tricks.doctor.causes import EXPLAINS, ordered
from tf_tricks.doctor.diagnosis import Diagnosis
from tf_tricks.doctor.examine import LOOK, RUN, examine
from tf_tricks.doctor.finding import NAMES, Checked, Finding

PROMISED = """
    learning_rate_too_high learning_rate_too_low vanishing_signal exploding_signal dead_units symmetric_weights
    labels_carry_no_signal labels_out_of_range inputs_not_normalised inputs_normalised_twice non_finite_inputs
    constant_features classes_unbalanced duplicates_across_splits loss_does_not_fit_outputs nothing_trainable
    batch_too_small batch_too_large tricks_in_conflict input_pipeline_bound
"""


def finding(name, confidence=0.9, **fields):
    texts = dict(measured="3 of 4", why="It matters.", change="config.learning_rate = 0.1") | fields
    return Finding(name, confidence=confidence, **texts)


def check(*findings, breaks=None, name="a_check", measured=None):
    """A module of a check."""
    made = types.ModuleType(name)

    def run(patient, progress):
        progress(f"running {name}")
        if breaks:
            for weight in patient.trainer.model.weights:
                weight.assign(weight * 0)
            raise breaks
        return Checked(list(findings), measured)

    made.check = run
    return made


def diagnosis(look=(), run=(), model=None, data=None, **arguments):
    patient = examined.patient(model or examined.mlp(), data or examined.table())
    return examine(patient, progress=lambda line: None, look=look, run=run, **arguments)


def test_the_names_that_were_promised():
    assert set(PROMISED.split()) <= set(NAMES)


def test_causes_have_names():
    assert set(EXPLAINS) <= set(NAMES)
    assert set().union(*EXPLAINS.values()) <= set(NAMES)


def test_no_two_findings_explain_each_other():
    for cause, consequences in EXPLAINS.items():
        for consequence in consequences:
            assert cause not in EXPLAINS.get(consequence, ())


def test_a_cause_comes_before_what_it_explains():
    names = [one.name for one in ordered([finding("exploding_signal", 0.95), finding("inputs_not_normalised", 0.6)])]
    assert names == ["inputs_not_normalised", "exploding_signal"]


def test_what_is_explained_says_so():
    (_, explained) = ordered([finding("exploding_signal", 0.95), finding("inputs_not_normalised", 0.6)])
    assert explained.why == "It matters. It may come of inputs_not_normalised: look at that first."
    assert explained.confidence == pytest.approx(0.95 * causes._LEFT)


def test_an_unsure_cause_explains_nothing():
    found = ordered([finding("exploding_signal", 0.95), finding("inputs_not_normalised", 0.4)])
    assert [one.confidence for one in found] == [0.95, 0.4]


def test_a_check_that_breaks_is_a_note_and_the_others_go_on():
    model = examined.mlp()
    before = [np.copy(weight) for weight in model.get_weights()]
    found = diagnosis([check(breaks=ZeroDivisionError("oh")), check(finding("dead_units"))], model=model)
    assert found.notes[0].startswith("the check of the a check broke off: oh (")
    assert [one.name for one in found.findings] == ["dead_units"]
    for now, then in zip(model.get_weights(), before):
        np.testing.assert_array_equal(now, then)


def test_where_the_budget_is_spent_the_rest_is_left_out():
    found = diagnosis([check(finding("dead_units"), name="late")], budget=-1.0)
    assert (found.findings, found.notes) == ([], ["left out, since the budget is spent: late"])


def test_what_cannot_be_trained_is_not_run():
    x, y = examined.table()
    found = diagnosis([data_labels], [check(finding("dead_units"), name="runs_it")], data=(x, y + 1))
    assert [one.name for one in found.findings] == ["labels_out_of_range"]
    assert re.fullmatch(r"left out, since it cannot be trained \(.* go up to 2, .*\): runs it", found.notes[0])


def test_what_cannot_be_trained_and_nobody_says_why_is_refused():
    x, y = examined.table()
    with pytest.raises(tt.RequestError, match="the labels of the training data go up to 2"):
        diagnosis([check()], data=(x, y + 1))


def test_what_runs_is_left_out_where_it_would_say_nothing():
    found = diagnosis([check(finding("nothing_trainable", 1.0))], [check(finding("dead_units"), name="runs_it")])
    assert found.notes == ["left out, since there is nothing_trainable: runs it"]


def test_text():
    text = str(Diagnosis([finding("dead_units", 0.91), finding("batch_too_small", 0.5)], ["something was left out"]))
    assert text.startswith(
        "2 findings, the most likely cause first:\n\n1. dead_units (almost surely, 0.91): most units"
    )
    assert "\n   measured: 3 of 4\n   why:      It matters.\n   change:   config.learning_rate = 0.1\n" in text
    assert text.endswith("\nnote: something was left out")


def test_lines_are_not_too_long():
    text = str(Diagnosis([finding("dead_units", why="word " * 100)], []))
    assert max(map(len, text.splitlines())) <= 110


def test_json(tmp_path):
    Diagnosis([finding("dead_units", np.float32(0.9))], ["so"]).write_json(tmp_path / "report.json")
    content = json.loads((tmp_path / "report.json").read_text())
    fields = dict(measured="3 of 4", why="It matters.", change="config.learning_rate = 0.1", confidence=0.9)
    assert content == {"findings": [{"name": "dead_units", **fields}], "notes": ["so"]}


def test_page(tmp_path):
    found = diagnosis(
        [sheet_of_examples, data_values, data_labels],
        model=examined.convnet(),
        data=tuple(part[:300] for part in examined.digits()),
    )
    found = Diagnosis([finding("dead_units", measured="a < b")], ["so"], found.looked_at, found.measured)
    found.write_html(tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert "<h2>1. dead_units</h2>" in page
    assert "a &lt; b" in page
    assert page.count('src="data:image/png;base64,') == 3
    for title in ("25 training examples", "Values of the inputs", "Examples of each class", "Notes"):
        assert f"<h2>{title}</h2>" in page
    assert not re.search(r'(src|href)="(?!data:)', page)


def test_examples_of_a_table_are_a_table():
    found = diagnosis([sheet_of_examples])
    page = found.html().decode()
    assert page.count("<tr>") == 1 + 25
    x, y = examined.table()
    (first,) = examined.patient(examined.mlp(), (x, y)).batch(1)[1]
    assert f"<tr><td>{first}</td>" in page


def test_captions_are_the_names_of_the_classes():
    x, y = examined.digits()
    source = tt.data.ArraySource(x, y, label_names=[f"digit {i}" for i in range(10)])
    patient = examined.patient(examined.convnet(), source)
    measured = sheet_of_examples.check(patient, lambda line: None).measured
    assert measured.labels == [f"digit {label}" for label in patient.batch(25)[1]]
    np.testing.assert_array_equal(measured.pictures, patient.batch(25)[0])


def test_every_picture_belongs_to_a_check_and_says_how_it_is_read():
    checks = {module.__name__.rpartition(".")[2] for module in (*LOOK, *RUN)}
    for found in pkgutil.iter_modules(pictures.__path__):
        picture = importlib.import_module(f"{pictures.__name__}.{found.name}")
        assert found.name in checks
        assert picture.TITLE
        assert picture.READING.endswith(".") or picture.READING.endswith("?")
        assert callable(picture.draw)


def test_every_check_has_its_own_name():
    names = [module.__name__ for module in (*LOOK, *RUN)]
    assert len(names) == len(set(names))


def test_diagnose_says_what_it_does(capsys):
    x, y = examined.table()
    found = tt.diagnose(examined.mlp(), (x, y + 1))
    assert [one.name for one in found.findings] == ["labels_out_of_range"]
    assert "looking at the labels" in capsys.readouterr().out


def test_diagnose_is_silent_if_asked(capsys):
    x, y = examined.table()
    tt.diagnose(examined.mlp(), (x, y + 1), progress=None)
    assert not capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (dict(optimizer="adm"), "did you mean 'adam'"),
        (dict(budget=0), "budget must be a number above 0"),
        (dict(epochs=0), "epochs must be a number above 0"),
        (dict(callbacks=[3]), "callbacks must be Keras callbacks"),
        (dict(loss="cross"), "there is no loss"),
    ],
)
def test_what_cannot_be_understood(arguments, sentence):
    with pytest.raises(tt.RequestError, match=sentence):
        tt.diagnose(examined.mlp(), examined.table(), progress=None, **arguments)


def test_a_stream_brings_its_augmentation():
    stream = tt.data.Stream(examined.table())
    with pytest.raises(tt.RequestError, match="the stream brings its own augmentation"):
        tt.diagnose(examined.mlp(), stream, augment="mixup", progress=None)


def test_a_compiled_model_brings_loss_and_optimizer():
    model = examined.mlp(outputs=1)
    model.compile(keras.optimizers.Adam(0.02), "binary_crossentropy")
    x, y = examined.table()
    patient = examined.patient(model, (x, y.astype("float32")))
    assert patient.trainer.learning_rate(0.0) == pytest.approx(0.02)
    assert "loss_does_not_fit_outputs" in [
        one.name for one in tt.diagnose(model, (x, y.astype("float32")), progress=None).findings
    ]
