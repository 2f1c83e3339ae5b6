"""Loss and metrics over two spans: since the last line, and over the epoch."""

import copy

import keras
import numpy as np
import pytest

from tf_tricks.errors import RequestError
from tf_tricks.training.compiled import compile_model, get_metric
from tf_tricks.training.metrics import MetricSums, choose_modes


def sums():
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    compile_model(model, None, "mse", metrics=[keras.metrics.MeanMetricWrapper(lambda y, p: p, name="mean")])
    model._compile_metrics.build(np.zeros((1, 1)), np.zeros((1, 1)))
    return MetricSums(model)


def see(sums, values, batch_size=2):
    """A call of the loop: an update for each of `values`, which are loss and metric."""
    for value in values:
        sums.model._compile_metrics.metrics[0].update_state([0.0] * batch_size, [value] * batch_size)
    sums.add_losses(np.array(values, "float32"), batch_size)


def test_loss_is_weighted_with_the_batch_size():
    s = sums()
    see(s, [1.0], batch_size=1)
    see(s, [4.0], batch_size=2)
    assert s.line() == {"loss": 3.0, "mean": 3.0}


def test_a_line_has_the_loss_since_the_last_and_the_metrics_of_the_epoch():
    s = sums()
    see(s, [1.0, 2.0])
    s.line()
    see(s, [5.0, 7.0])
    assert s.line() == {"loss": 6.0, "mean": 3.75}


def test_the_epoch_covers_all_lines():
    s = sums()
    see(s, [1.0, 2.0])
    s.line()
    see(s, [6.0])
    assert s.epoch_results() == {"loss": 3.0, "mean": 3.0}


def test_the_next_epoch_starts_anew():
    s = sums()
    see(s, [1.0])
    s.epoch_results()
    s.clear()
    see(s, [2.0])
    assert s.epoch_results() == {"loss": 2.0, "mean": 2.0}


def test_no_update_no_loss():
    assert np.isnan(sums().line()["loss"])


@pytest.mark.parametrize("groups", [(5,), (1, 1, 1, 1, 1), (3, 2)])
def test_grouping_into_calls_changes_no_bit(groups):
    values = [0.1, 0.7, 1e-8, 3.3, 0.9]
    s, start = sums(), 0
    for size in groups:
        see(s, values[start : start + size])
        start += size
    total = 0.0
    for value in values:
        total += float(np.float32(value)) * 2
    assert s.line()["loss"] == total / 10


def test_state_comes_back():
    one, other = sums(), sums()
    see(one, [1.0])
    one.line()
    see(one, [2.0])
    other.set_state(copy.deepcopy(one.state()))
    for variable, value in zip(other.variables, one.variables):
        variable.assign(value)
    for each in (one, other):
        see(each, [6.0])
    assert other.epoch_results() == one.epoch_results() == {"loss": 3.0, "mean": 3.0}


@pytest.mark.parametrize("shape", [(), (1,), (3,)])
def test_accuracy_takes_whole_numbers_columns_and_distributions(shape):
    outputs = np.array([[0.0, 2.0, 1.0], [5.0, 2.0, 1.0], [0.0, 1.0, 2.0], [3.0, 2.0, 1.0]])
    labels = np.array([1, 2, 2, 0])
    labels = 0.8 * np.eye(3)[labels] + 0.2 * np.eye(3)[0] if shape == (3,) else labels.reshape(4, *shape)
    metric = get_metric("accuracy")
    metric.update_state(labels, outputs, sample_weight=[1, 1, 0, 0])
    assert (metric.name, float(metric.result())) == ("accuracy", 0.5)


def test_accuracy_is_made_again_from_its_config():
    made = get_metric({"name": "accuracy"})
    assert type(made).from_config(made.get_config()).get_config() == {"name": "accuracy", "dtype": "float32"}


def test_names_that_keras_knows_are_kept_so_that_histories_have_them():
    assert get_metric("mae") == "mae"


def test_metrics_with_arguments():
    assert get_metric({"name": "sparse_top_k_categorical_accuracy", "k": 3})._fn_kwargs["k"] == 3


def test_a_metric_is_itself():
    metric = keras.metrics.Mean()
    assert get_metric(metric) is metric


@pytest.mark.parametrize("identifier", ["acuracy", 3, {"nam": 1}])
def test_what_is_no_metric(identifier):
    with pytest.raises(RequestError, match="metric"):
        get_metric(identifier)


def test_callbacks_learn_which_way_a_metric_goes():
    stopping = [
        keras.callbacks.EarlyStopping(monitor=m)
        for m in ("val_accuracy", "val_u_accuracy", "val_mean_squared_error", "val_loss", "val_mine")
    ]
    choose_modes(stopping, [get_metric("accuracy"), keras.metrics.MeanSquaredError()])
    assert [callback.mode for callback in stopping] == ["max", "max", "min", "min", "auto"]
