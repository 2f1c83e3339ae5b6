"""Layers that join one after another: what is frozen stays what it was, what joins trains as if it always had."""

import keras
import numpy as np
import pytest
from support.crash import Crash
from support.runs import assert_resumes_exactly, assert_same, compiled, data, network, run, trainer, values

from tf_tricks.callbacks.exponential_moving_average import ExponentialMovingAverage
from tf_tricks.callbacks.gradual_unfreezing import GradualUnfreezing
from tf_tricks.errors import RequestError

STAGES = {0: ["head"], 2: ["body", "norm"]}


class Snapshots(keras.callbacks.Callback):
    """Copies of all weights and slots, by path, at the start and after each epoch."""

    def __init__(self):
        super().__init__()
        self.weights, self.slots = [], []

    def get_state(self):
        return {}

    def set_state(self, state):
        pass

    def on_train_begin(self, logs=None):
        self.on_epoch_end(-1)

    def on_epoch_end(self, epoch, logs=None):
        self.weights.append({v.path.partition("/")[2]: np.array(v) for v in self.model.weights})
        self.slots.append({v.path: np.array(v) for v in self.model.optimizer.variables})


def moved(snapshots):
    """For each epoch, the layers of which something has changed."""
    pairs = zip(snapshots.weights, snapshots.weights[1:])
    return [{name.split("/")[0] for name in a if not np.array_equal(a[name], b[name])} for a, b in pairs]


def fit(unfreezing, epochs=4, optimizer=None, **arguments):
    """The model and its snapshots after plain fit."""
    model, snapshots = compiled(optimizer=optimizer), Snapshots()
    model.fit(*data(), epochs=epochs, shuffle=False, callbacks=[snapshots, *unfreezing], verbose=0, **arguments)
    return model, snapshots


def train(unfreezing, epochs=4, **settings):
    """The same in the trainer."""
    made, snapshots = trainer(**settings), Snapshots()
    run(made, [snapshots, *unfreezing], epochs=epochs)
    return made.model, snapshots


@pytest.mark.parametrize("way", [fit, train])
def test_what_is_frozen_stays_and_what_has_joined_moves(way):
    _, snapshots = way([GradualUnfreezing(STAGES)])
    assert moved(snapshots) == 2 * [{"head"}] + 2 * [{"head", "body", "norm"}]


@pytest.mark.parametrize("way", [fit, train])
def test_slots_of_frozen_weights_are_untouched(way):
    _, snapshots = way([GradualUnfreezing(STAGES)])
    filled = [{path for path, slot in slots.items() if slot.any()} for slots in snapshots.slots[1:]]
    assert [any("body_kernel" in path for path in paths) for paths in filled] == [False, False, True, True]
    assert [any("head_kernel" in path for path in paths) for paths in filled] == [True, True, True, True]


@pytest.mark.parametrize("way", [fit, train])
def test_one_stage_for_all_changes_nothing(way):
    (one, _), (other, _) = way([GradualUnfreezing({0: [".*"]})], epochs=2), way([], epochs=2)
    assert_same(values(one), values(other))


def test_two_stages_are_two_fits_of_keras():
    model, _ = fit([GradualUnfreezing(STAGES)])
    other = compiled()
    other.optimizer.build(other.trainable_variables)
    other.get_layer("body").trainable = other.get_layer("norm").trainable = False
    for _ in range(2):
        other.make_train_function(force=True)
        other.fit(*data(), epochs=2, shuffle=False, verbose=0)
        other.get_layer("body").trainable = other.get_layer("norm").trainable = True
    assert_same(values(model), values(other))


@pytest.mark.slow
@pytest.mark.parametrize("way", [fit, train])
@pytest.mark.parametrize("optimizer", ["adam", "adam_w"])
def test_moments_of_what_goes_on_are_kept(way, optimizer):
    make = {"adam": keras.optimizers.Adam, "adam_w": keras.optimizers.AdamW}[optimizer]
    model, snapshots = way([GradualUnfreezing(STAGES)], optimizer=make(0.01))
    assert int(model.optimizer.iterations) == (8 if way is fit else 16)
    assert moved(snapshots)[:2] == 2 * [{"head"}]


@pytest.mark.parametrize("way", [fit, train])
def test_all_is_trainable_again_at_the_end(way):
    model, _ = way([GradualUnfreezing({0: ["head"]})], epochs=1)
    assert all(layer.trainable for layer in model.layers)
    assert len(model.trainable_variables) == len(model.optimizer._trainable_variables) == 6


def test_a_fit_after_that_trains_everything():
    model, _ = fit([GradualUnfreezing({0: ["head"]})], epochs=1)
    snapshots = Snapshots()
    model.fit(*data(), callbacks=[snapshots], verbose=0)
    assert moved(snapshots) == [{"head", "body", "norm"}]


def test_a_second_fit_begins_with_the_first_stage():
    unfreezing, snapshots = GradualUnfreezing(STAGES), Snapshots()
    model, _ = fit([unfreezing])
    model.fit(*data(), callbacks=[snapshots, unfreezing], verbose=0)
    assert moved(snapshots) == [{"head"}]


def test_a_fit_that_was_broken_off_leaves_no_trace_in_the_next():
    unfreezing, model, snapshots = GradualUnfreezing(STAGES), compiled(), Snapshots()
    with pytest.raises(ZeroDivisionError):
        model.fit(*data(), epochs=2, callbacks=[unfreezing, Crash(epoch=1)], verbose=0)
    model.fit(*data(), epochs=4, callbacks=[snapshots, unfreezing], verbose=0)
    assert moved(snapshots) == 2 * [{"head"}] + 2 * [{"head", "body", "norm"}]


def test_a_fit_that_begins_later_begins_with_its_stage():
    model, snapshots = compiled(), Snapshots()
    model.fit(*data(), initial_epoch=2, epochs=3, callbacks=[snapshots, GradualUnfreezing(STAGES)], verbose=0)
    assert moved(snapshots) == [{"head", "body", "norm"}]


def test_one_layer_more_each_epoch():
    _, snapshots = fit([GradualUnfreezing(layers_per_stage=1)], epochs=4)
    assert moved(snapshots) == [{"head"}, {"head", "norm"}, *2 * [{"head", "norm", "body"}]]


def test_two_layers_more_every_second_epoch():
    _, snapshots = fit([GradualUnfreezing(layers_per_stage=2, epochs_per_stage=2)], epochs=3)
    assert moved(snapshots) == [*2 * [{"head", "norm"}], {"head", "norm", "body"}]


def test_epochs_may_be_strings():
    _, snapshots = fit([GradualUnfreezing({"0": ["head"], "1": [".*"]})], epochs=2)
    assert moved(snapshots) == [{"head"}, {"head", "norm", "body"}]


@pytest.mark.parametrize("pattern", ["head/kernel", ".*/head/kernel"])
def test_single_weights(pattern):
    _, snapshots = fit([GradualUnfreezing({0: [pattern]})], epochs=1)
    before, after = snapshots.weights
    assert [name for name in before if not np.array_equal(before[name], after[name])] == ["head/kernel"]


@pytest.mark.parametrize("name", ["backbone", "inner"])
def test_a_model_within_the_model(name):
    backbone = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, name="inner")], name="backbone")
    model = compiled(keras.Sequential([keras.Input((4,)), backbone, keras.layers.Dense(1, name="head")]))
    before = values(model)
    model.fit(*data(), callbacks=[GradualUnfreezing({0: [name]})], verbose=0)
    changed = [not np.array_equal(a, np.array(v)) for a, v in zip(before, model.weights)]
    assert changed == [True, True, False, False]


def test_names_are_matched_whole():
    layers = [keras.layers.Dense(2, name="conv_1"), keras.layers.Dense(1, name="conv_10")]
    model = compiled(keras.Sequential([keras.Input((4,)), *layers]))
    before = values(model)
    model.fit(*data(), callbacks=[GradualUnfreezing({0: ["conv_1"]})], verbose=0)
    assert_same(before[2:4], model.get_weights()[2:])


def test_frozen_batch_norm_without_weights_that_train_is_in_inference_mode():
    norm = keras.layers.BatchNormalization(center=False, scale=False, name="norm")
    model = compiled(keras.Sequential([keras.Input((4,)), norm, keras.layers.Dense(1, name="head")]))
    snapshots, unfreezing = Snapshots(), GradualUnfreezing({0: ["head"], 1: ["norm"]})
    model.fit(*data(), epochs=2, callbacks=[snapshots, unfreezing], verbose=0)
    assert moved(snapshots) == [{"head"}, {"head", "norm"}]


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings",
    [
        {"l2": 0.1},
        {"optimizer": "adam_w", "weight_decay": 0.1},
        {"optimizer": {"name": "momentum", "use_ema": True, "ema_momentum": 0.3}},
        {"micro_batch": 8, "clip_global_norm": 0.1},
    ],
)
def test_nothing_else_in_the_trainer_touches_what_is_frozen(settings):
    _, snapshots = train([GradualUnfreezing(STAGES)], epochs=3, **settings)
    assert moved(snapshots) == 2 * [{"head"}] + [{"head", "body", "norm"}]


def test_l2_and_decay_stay_with_their_variables():
    made = trainer(l2=0.1)
    run(made, [GradualUnfreezing({0: ["head"]})], epochs=1)
    assert made.update.decayed == [True, False, False, False, True, False]
    made.update.variables = made.model.get_layer("head").trainable_variables
    assert made.update.decayed == [True, False]
    kernel = np.array(made.model.get_layer("head").kernel)
    assert float(made.update.penalty()) == pytest.approx(0.1 * (kernel**2).sum(), rel=1e-5)
    made.update.variables = [made.model.get_layer("head").bias]
    assert float(made.update.penalty()) == 0


@pytest.mark.parametrize("way", [fit, train])
def test_the_optimizers_average_begins_when_a_weight_joins(way):
    optimizer = keras.optimizers.SGD(0.01, use_ema=True, ema_momentum=0.5)
    visited = []

    class Watch(keras.callbacks.Callback):
        every_step = True

        def on_train_batch_end(self, batch, logs=None):
            visited.append(np.array(self.model.get_layer("body").kernel))

    model, _ = way([GradualUnfreezing({0: ["head"], 1: [".*"]}), Watch()], epochs=2, optimizer=optimizer)
    average, joined = visited[0], visited[len(visited) // 2 :]
    for kernel in joined:
        average = 0.5 * average + 0.5 * kernel
    np.testing.assert_allclose(model.get_layer("body").kernel, average, rtol=1e-5)


def test_an_averaging_callback_leaves_frozen_weights_alone():
    callbacks = [ExponentialMovingAverage(0.7, data=data()), GradualUnfreezing({0: ["head"]})]
    model, snapshots = fit(callbacks, epochs=2)
    assert_same([np.array(model.get_layer("body").kernel)], [snapshots.weights[0]["body/kernel"]])


@pytest.mark.slow
@pytest.mark.parametrize("crash", [{"step": 6}, {"step": 9}, {"epoch": 1}])
def test_a_broken_run_is_resumed_exactly(crash, tmp_path):
    optimizer = {"name": "momentum", "use_ema": True, "ema_momentum": 0.5}
    assert_resumes_exactly(
        lambda: trainer(optimizer=optimizer, l2=0.01), lambda: [GradualUnfreezing(STAGES)], tmp_path, crashes=[crash]
    )


def test_the_order_of_the_weights_does_not_depend_on_what_is_trainable():
    model = network()
    before = [id(v) for v in model.weights]
    for layer in model.layers:
        layer.trainable = False
        assert [id(v) for v in model.weights] == before


def test_a_scaled_loss():
    keras.config.set_dtype_policy("mixed_float16")
    model, snapshots = compiled(optimizer="adam"), Snapshots()
    assert isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
    model.fit(*data(), epochs=3, callbacks=[snapshots, GradualUnfreezing(STAGES)], verbose=0)
    assert moved(snapshots)[:2] == 2 * [{"head"}]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "needs either stages or layers_per_stage"),
        ({"stages": {0: ["a"]}, "layers_per_stage": 1}, "needs either stages or layers_per_stage"),
        ({"stages": {1: ["a"]}}, "stages must begin at epoch 0, not at 1"),
        ({"stages": {}}, "stages must begin at epoch 0"),
        ({"stages": {0: "head"}}, "must be a list of regular expressions, not 'head'"),
        ({"stages": {0: ["("]}}, "must be a list of regular expressions"),
        ({"stages": {"soon": ["a"]}}, "stages must be a dict of epochs to lists of regular expressions"),
        ({"stages": [["a"]]}, "stages must be a dict of epochs to lists of regular expressions"),
        ({"layers_per_stage": 0}, "layers_per_stage must be"),
    ],
)
def test_arguments_that_are_none(arguments, message):
    with pytest.raises(RequestError, match=message):
        GradualUnfreezing(**arguments)


def test_a_name_that_nothing_has():
    with pytest.raises(RequestError, match=r"there is no layer 'heads'; did you mean 'head'\?"):
        fit([GradualUnfreezing({0: ["heads"]})])


def test_what_was_frozen_before_is_refused():
    model = compiled()
    model.get_layer("body").trainable = False
    with pytest.raises(RequestError, match="'body' names only weights that were frozen before"):
        model.fit(*data(), callbacks=[GradualUnfreezing({0: ["head"], 1: ["body"]})], verbose=0)


def test_a_model_without_weights_is_refused():
    model = compiled(keras.Sequential([keras.layers.Dense(1)]))
    with pytest.raises(RequestError, match="has no weights yet to freeze"):
        model.fit(*data(), callbacks=[GradualUnfreezing({0: [".*"]})], verbose=0)
