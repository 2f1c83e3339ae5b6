"""A model that starts with the weights of a run or a file."""

import json
import shutil

import keras
import numpy as np
import pytest
from support.crash import Crash
from support.runs import assert_same, data, network, run, trainer

import tf_tricks as tt
from tf_tricks.errors import RequestError
from tf_tricks.training import checkpoint


def other(units=1, name="head"):
    """The network, with another head."""
    layers = network().layers[:-1]
    return keras.Sequential([keras.Input((4,)), *layers, keras.layers.Dense(units, name=name)])


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The folder of a run of two epochs, and its model."""
    folder = tmp_path_factory.mktemp("finished") / "run"
    trained = trainer(optimizer={"name": "momentum", "use_ema": True, "ema_momentum": 0.5})
    run(trained, [], folder, epochs=2)
    return folder, trained.model


@pytest.fixture(scope="module")
def unfinished(tmp_path_factory):
    """The folder of a run that was broken off, and the weights that its newest checkpoint has."""
    folder = tmp_path_factory.mktemp("unfinished") / "run"
    trained = trainer()
    with pytest.raises(ZeroDivisionError):
        run(trained, [Crash(step=9)], folder, epochs=3, checkpoint_minutes=1e-9)
    return folder, trained.model.get_weights()


def test_a_finished_run_gives_its_model(finished):
    folder, model = finished
    started = network()
    line = tt.init_from(started, folder)
    assert line == f"starts with all 8 weights from {folder / 'model.keras'}"
    assert_same(started.get_weights(), model.get_weights())


def test_a_run_that_is_not_finished_gives_its_newest_checkpoint(unfinished):
    folder, weights = unfinished
    started = network()
    assert tt.init_from(started, folder) == f"starts with all 8 weights from {folder} at step 9"
    assert_same(started.get_weights(), weights)


def test_a_checkpoint_knows_names(unfinished):
    folder, weights = unfinished
    started = other(3)
    assert "starts with 6 of 8 weights" in tt.init_from(started, folder, strict=False)
    assert_same(started.get_weights()[:-2], weights[:-2])


@pytest.mark.parametrize("name", ["it.keras", "it.weights.h5", "it.h5"])
def test_a_file(name, finished, tmp_path):
    _, model = finished
    model.save_weights(tmp_path / name) if name.endswith(".weights.h5") else model.save(tmp_path / name)
    started = network()
    tt.init_from(started, str(tmp_path / name))
    assert_same(started.get_weights(), model.get_weights())


def test_another_head_is_refused_with_both_shapes_and_nothing_changes(finished):
    folder, _ = finished
    started = other(3)
    before = started.get_weights()
    sentence = (
        r"model.keras does not fit the model 'sequential\w*': head/kernel is \[6, 1\] there and \[6, 3\] here, "
        r"head/bias is \[1\] there and \[3\] here; init_from_strict=False takes what fits"
    )
    with pytest.raises(RequestError, match=sentence):
        tt.init_from(started, folder)
    assert_same(started.get_weights(), before)


def test_another_head_stays_new_where_that_is_asked_for(finished):
    folder, model = finished
    started = other(3)
    head = started.get_weights()[-2:]
    line = tt.init_from(started, folder, strict=False)
    assert line.startswith(
        f"starts with 6 of 8 weights from {folder / 'model.keras'}; not taken: head/kernel is [6, 1] "
    )
    assert_same(started.get_weights()[:-2], model.get_weights()[:-2])
    assert_same(started.get_weights()[-2:], head)


def test_what_is_only_there_is_refused_too(finished):
    folder, _ = finished
    sentence = (
        r"new_head/kernel \[6, 1\] is not there, new_head/bias \[1\] is not there, head \[6, 1\] and \[1\] is only"
    )
    with pytest.raises(RequestError, match=sentence):
        tt.init_from(other(name="new_head"), folder)


def test_nothing_that_fits_is_refused_always(finished):
    folder, _ = finished
    stranger = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, name="stranger")])
    with pytest.raises(RequestError, match=r"nothing in .*model.keras fits the model 'sequential\w*': stranger/kernel"):
        tt.init_from(stranger, folder, strict=False)


def test_the_optimizers_state_stays_behind(finished):
    folder, _ = finished
    started = network()
    tt.init_from(started, folder)
    states = [[np.asarray(variable) for variable in made.optimizer.variables] for made in (trainer(started), trainer())]
    assert_same(*states)


def test_a_compiled_model_keeps_its_optimizer(finished):
    folder, model = finished
    made = trainer()
    run(made, [], epochs=1)
    slots = [np.asarray(variable) for variable in made.optimizer.variables]
    tt.init_from(made.model, folder)
    assert_same([np.asarray(variable) for variable in made.optimizer.variables], slots)
    assert_same(made.model.get_weights(), model.get_weights())


@pytest.mark.parametrize(
    ("prepare", "sentence"),
    [
        (lambda folder: folder / "nowhere", "there are no weights to start from: .*nowhere does not exist"),
        (lambda folder: folder, "there are no weights to start from: .*model.keras does not exist"),
        (lambda folder: 3, "init_from must be a run's folder or a file of weights, not 3"),
    ],
)
def test_what_is_not_there(prepare, sentence, tmp_path):
    with pytest.raises(RequestError, match=sentence):
        tt.init_from(network(), prepare(tmp_path))


def test_a_run_without_weights(unfinished, tmp_path):
    shutil.copytree(unfinished[0], tmp_path / "run")
    shutil.rmtree(tmp_path / "run" / "checkpoints")
    with pytest.raises(RequestError, match=r"has no weights yet: neither model.keras nor a checkpoint"):
        tt.init_from(network(), tmp_path / "run")


def test_a_checkpoint_that_names_nothing(unfinished, tmp_path):
    shutil.copytree(unfinished[0], tmp_path / "run")
    arrays, values = checkpoint.load_newest(tmp_path / "run" / "checkpoints")
    checkpoint.save(tmp_path / "run" / "checkpoints", 99, arrays, {k: v for k, v in values.items() if k != "layers"})
    with pytest.raises(RequestError, match="do not say whose weights they hold: finish that run first"):
        tt.init_from(network(), tmp_path / "run")


def test_a_model_without_weights():
    with pytest.raises(RequestError, match=r"has no weights yet: give it a keras.Input"):
        tt.init_from(keras.Sequential([keras.layers.Dense(1)]), "anywhere")


def test_a_resumed_run_has_the_constants_of_its_normalization(tmp_path):
    """Keras's layer makes constants of its weights; the run that goes on was not adapted."""

    def made(adapted):
        normalize = keras.layers.Normalization()
        model = keras.Sequential([keras.Input((4,)), normalize, keras.layers.Dense(1)])
        if adapted:
            normalize.adapt(10 + data()[0])
        return trainer(model)

    whole = made(adapted=True)
    run(whole, [], tmp_path / "whole", epochs=2)
    with pytest.raises(ZeroDivisionError):
        run(made(adapted=True), [Crash(epoch=1)], tmp_path / "broken", epochs=2)
    resumed = made(adapted=False)
    history = run(resumed, [Crash()], tmp_path / "broken", epochs=2)
    assert history["val_loss"] == json_lines(tmp_path / "whole")
    assert_same(resumed.model.get_weights(), whole.model.get_weights())


def json_lines(folder):
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [line["loss"] for line in lines if line["split"] == "validation"]
