"""A patient is put back as it was, and gives the examples of its stream."""

import numpy as np
import pytest
from support import examined

import tf_tricks as tt
from tf_tricks.doctor.first_weights import inputs_of_first_weights
from tf_tricks.training.prepared import prepared_loop


@pytest.fixture
def patient():
    return examined.patient(examined.mlp(), examined.table(), optimizer="adam", learning_rate=0.1, metrics=["accuracy"])


def state(patient):
    trainer = patient.trainer
    variables = [*trainer.model.weights, *trainer.optimizer.variables, *trainer.model.metrics_variables]
    return [np.copy(np.asarray(variable)) for variable in variables]


def test_restore_undoes_training(patient):
    before = state(patient)
    loop = prepared_loop(patient.trainer, patient.stream, None)
    loop.start(patient.stream, 32, 0)
    loop.run([0.1] * 5)
    patient.trainer.learning_rate = tt.schedules.constant(9.0)
    assert any((now != then).any() for now, then in zip(state(patient), before))
    patient.restore()
    for now, then in zip(state(patient), before):
        np.testing.assert_array_equal(now, then)
    assert patient.trainer.learning_rate(0.0) == 0.1


def test_a_batch_is_the_streams(patient):
    inputs, labels, weights = patient.batch(8)
    expected = tt.data.Stream(examined.table(), batch_size=8)[0]
    np.testing.assert_array_equal(inputs, expected[0])
    np.testing.assert_array_equal(labels, expected[1])
    assert weights is None


def test_a_batch_as_the_step_sees_it():
    x, y = examined.digits()
    patient = examined.patient(examined.convnet(), (x, y), augment={"name": "standard", "flip": False, "pad": 1})
    expected = tt.data.Stream((x, y), batch_size=16, augment=patient.stream.augment)[0]
    np.testing.assert_array_equal(patient.batch(16, augmented=True)[0], expected[0])
    assert (patient.batch(16)[0] != expected[0]).any()


def test_there_are_no_more_examples_than_there_are(patient):
    assert len(patient.batch(10**6)[0]) == 400


def test_what_reaches_the_first_weights_of_each_input():
    import keras

    layers = keras.layers
    left, right = keras.Input((3,), name="left"), keras.Input((4,), name="right")
    inner = keras.Sequential([keras.Input((3,)), layers.Rescaling(2.0), layers.Dense(2, name="inner")])
    joined = layers.Concatenate()([inner(left), layers.Dense(2, name="outer")(right + 1)])
    model = keras.Model([left, right], layers.Dense(1)(joined))
    reached = inputs_of_first_weights(model, [np.ones((5, 3), "float32"), np.ones((5, 4), "float32")])
    assert {name: values.tolist() for name, values in reached.items()} == {
        "inner": [[2.0] * 3] * 5,
        "outer": [[2.0] * 4] * 5,
    }
