"""What the monitor writes, and that training does not notice it."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorboard.util import tensor_util

import tf_tricks as tt
from tf_tricks.callbacks.monitor import Monitor
from tf_tricks.data import Stream
from tf_tricks.errors import RequestError


def written(folder):
    """Dict of tag to the list of (step, value) in a log folder."""
    found = {}
    for file in sorted(folder.glob("events*")):
        for record in tf.data.TFRecordDataset(str(file)):
            event = tf.compat.v1.Event.FromString(record.numpy())
            for value in event.summary.value:
                found.setdefault(value.tag, []).append((event.step, tensor_util.make_ndarray(value.tensor)))
    return found


X = np.array([[1.0, 0.0], [0.0, 2.0], [-3.0, 1.0], [2.0, 2.0]], "float32")
Y = np.array([[1.0], [0.0], [-1.0], [2.0]], "float32")
KERNEL = np.array([[1.0, -1.0, 0.0], [2.0, -1.0, 0.0]])
OUT = np.array([[1.0], [0.5], [3.0]])


def small():
    """Two layers whose weights stay: the third hidden unit is dead, the bias 0."""
    model = keras.Sequential(
        [
            keras.Input((2,)),
            keras.layers.Dense(3, "relu", use_bias=False, name="hidden"),
            keras.layers.Dense(1, name="output"),
        ],
    )
    model.set_weights([KERNEL, OUT, np.zeros(1)])
    return model


def fitted(folder, epochs=1, batch=(X, Y), rate=0.0, **arguments):
    model = small()
    model.compile(keras.optimizers.SGD(rate), "mse")
    model.fit(X, Y, batch_size=2, epochs=epochs, callbacks=[Monitor(batch, folder, **arguments)], verbose=0)
    return model


@pytest.fixture(scope="module")
def tags(tmp_path_factory):
    folder = tmp_path_factory.mktemp("logs")
    fitted(folder)
    return {tag: values[-1][1] for tag, values in written(folder).items()}


def test_activations_are_those_of_the_formula(tags):
    hidden = np.maximum(X @ KERNEL, 0)
    for layer, values in [("hidden", hidden), ("output", hidden @ OUT)]:
        assert tags[f"monitor/activations/{layer}/mean"] == pytest.approx(values.mean())
        assert tags[f"monitor/activations/{layer}/variance"] == pytest.approx(values.var())
    assert tags["monitor/activations/hidden/dead"] == pytest.approx(1 / 3)
    assert tags["monitor/activations/output/dead"] == 0


def test_gradients_are_those_of_the_formula(tags):
    hidden = np.maximum(X @ KERNEL, 0)
    error = 2 * (hidden @ OUT - Y) / len(X)
    expected = {
        "hidden/kernel": (X.T @ (error @ OUT.T * (hidden > 0)), KERNEL),
        "output/kernel": (hidden.T @ error, OUT),
        "output/bias": (error.sum(axis=0), None),
    }
    for end, (gradient, weight) in expected.items():
        (tag,) = (t for t in tags if t.startswith("monitor/gradients/") and t.endswith(f"{end}/norm"))
        assert tags[tag] == pytest.approx(np.linalg.norm(gradient), rel=1e-5)
        ratio = tag.replace("/norm", "/ratio")
        if weight is None:
            assert ratio not in tags
        else:
            assert tags[ratio] == pytest.approx(np.linalg.norm(gradient) / np.linalg.norm(weight), rel=1e-5)


def test_histograms_count_every_value(tags):
    (tag,) = (t for t in tags if t.startswith("monitor/gradients/") and t.endswith("hidden/kernel"))
    assert tags["monitor/activations/hidden"][:, 2].sum() == 4 * 3
    assert tags[tag][:, 2].sum() == 2 * 3


def test_every_so_many_epochs_over_updates(tmp_path):
    fitted(tmp_path, epochs=5, every=2)
    assert [step for step, _ in written(tmp_path)["monitor/activations/hidden/mean"]] == [2 * 2, 4 * 2]


def test_units_of_images_are_channels(tmp_path):
    layers = keras.layers
    model = keras.Sequential(
        [keras.Input((4, 4, 1)), layers.Conv2D(2, 3, name="conv"), layers.Flatten(), layers.ReLU()]
    )
    kernel = np.zeros((3, 3, 1, 2))
    kernel[1, 1, 0, 0] = 1.0
    model.set_weights([kernel, np.zeros(2)])
    model.compile("sgd", "mse")
    images = np.random.default_rng(0).normal(size=(8, 4, 4, 1)).astype("float32")
    batch = images, np.zeros((8, 8), "float32")
    model.fit(*batch, callbacks=[Monitor(batch, tmp_path)], verbose=0)
    assert written(tmp_path)["monitor/activations/conv/dead"][0][1] == 0.5


def test_a_layer_that_gives_several_outputs_is_passed_over(tmp_path):
    sequence = keras.Input((2, 1))
    states, _, _ = keras.layers.LSTM(3, return_state=True, name="states")(sequence)
    model = keras.Model(sequence, keras.layers.Dense(1, name="output")(states))
    model.compile("sgd", "mse")
    model.fit(X[..., None], Y, callbacks=[Monitor((X[..., None], Y), tmp_path)], verbose=0)
    looked_at = {tag.split("/")[2] for tag in written(tmp_path) if tag.startswith("monitor/activations/")}
    assert looked_at == {"output"}


def test_values_that_are_not_finite_do_not_stop_it(tmp_path):
    fitted(tmp_path, batch=(np.full_like(X, np.nan), Y))
    found = written(tmp_path)
    assert np.isnan(found["monitor/activations/hidden/mean"][0][1])


def test_half_precision_does_not_overflow(tmp_path):
    keras.config.set_dtype_policy("mixed_float16")
    fitted(tmp_path, batch=(300 * X, Y), loss=keras.losses.MeanAbsoluteError())
    found = written(tmp_path)
    hidden = np.maximum(300 * X @ KERNEL, 0)
    assert found["monitor/activations/hidden/variance"][0][1] == pytest.approx(hidden.var(), rel=1e-3)


def eventful():
    """A model with dropout and batch norm, and data."""
    keras.utils.set_random_seed(0)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((3,)),
            layers.Dense(8, name="hidden"),
            layers.BatchNormalization(),
            layers.Dropout(0.5),
            layers.Dense(1),
        ]
    )
    inputs = np.random.default_rng(0).normal(size=(32, 3)).astype("float32")
    return model, (inputs, inputs[:, :1])


def fit_eventful(callbacks, folder):
    del folder
    model, data = eventful()
    model.compile("adam", "mse")
    return model, model.fit(*data, batch_size=8, epochs=3, shuffle=False, callbacks=callbacks, verbose=0)


def train_eventful(callbacks, folder):
    model, data = eventful()
    made = tt.Trainer(model, "adam", 0.01, 8, "mean_squared_error")
    return model, made.fit(Stream(data, seed=1), 3, callbacks=callbacks, workdir=folder, verbose=0)


@pytest.mark.parametrize("run", [fit_eventful, train_eventful])
def test_training_does_not_notice_it_bit_for_bit(run, tmp_path):
    _, data = eventful()
    seen, history = run([Monitor(data, tmp_path / "logs")], tmp_path / "one")
    unseen, expected = run([], tmp_path / "other")
    assert len(written(tmp_path / "logs")["monitor/activations/hidden/mean"]) == 3
    assert history.history == expected.history
    for one, other in zip(
        [*seen.variables, *seen.optimizer.variables], [*unseen.variables, *unseen.optimizer.variables], strict=True
    ):
        np.testing.assert_array_equal(one, other)


def test_the_trainer_gives_batch_folder_and_loss(tmp_path):
    train_eventful([Monitor()], tmp_path)
    found = written(tmp_path / "tensorboard" / "monitor")
    assert [step for step, _ in found["monitor/activations/hidden/mean"]] == [4, 8, 12]
    assert found["monitor/activations/hidden"][0][1][:, 2].sum() == 32 * 8  # all 32 examples, as there are no 256


def test_the_trainers_batch_is_augmented(tmp_path):
    def augment(inputs, labels, seed, positions):
        return inputs + 100.0, labels

    model, data = eventful()
    made = tt.Trainer(model, "sgd", 0.0, 8, "mean_squared_error")
    made.fit(Stream(data, augment=augment), 1, callbacks=[Monitor()], workdir=tmp_path, verbose=0)
    expected = float(np.mean((data[0] + 100.0) @ np.asarray(model.layers[0].kernel)))
    found = written(tmp_path / "tensorboard" / "monitor")
    assert found["monitor/activations/hidden/mean"][0][1] == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(
    ("monitor", "message"),
    [
        (lambda folder: Monitor(None, folder), r"in plain fit give it batch=\(inputs, labels\)"),
        (lambda folder: Monitor((X, Y)), "Monitor has no folder to write to: give it log_dir"),
        (lambda folder: Monitor(X, folder), r"batch must be a pair \(inputs, labels\), not ndarray"),
        (lambda folder: Monitor((X, Y), folder, loss=["mse"]), "needs one loss to take the gradient of"),
        (lambda folder: Monitor((X, Y), folder, every=0), "every must be an integer at least 1"),
    ],
)
def test_requests_that_lack_something(monitor, message, tmp_path):
    model = small()
    model.compile("sgd", "mse")
    with pytest.raises(RequestError, match=message):
        model.fit(X, Y, callbacks=[monitor(tmp_path)], verbose=0)


def test_a_trainer_without_a_workdir():
    with pytest.raises(RequestError, match="give it log_dir, or the trainer a workdir"):
        train_eventful([Monitor()], None)
