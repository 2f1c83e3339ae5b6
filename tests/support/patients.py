"""Set-ups for the checks of the doctor: small, and the same each time."""

import keras
import numpy as np
import sklearn.datasets

import tf_tricks as tt
from tf_tricks.doctor.patient import Patient
from tf_tricks.training.task import plan_task

CROSS_ENTROPY = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def silent(line):
    """In place of a check's progress."""
    del line


def iris():
    """150 rows of four columns and three classes, standardised."""
    x, y = sklearn.datasets.load_iris(return_X_y=True)
    return ((x - x.mean(0)) / x.std(0)).astype("float32"), y.astype("int32")


def digits(number=600):
    """Pictures of 8×8 and their classes, standardised."""
    found = sklearn.datasets.load_digits()
    x = found.images[:number, ..., None]
    return ((x - x.mean()) / x.std()).astype("float32"), found.target[:number].astype("int32")


def mlp(shape, outputs, hidden=(32,), activation="relu", kernel="he_normal", normalise=False):
    """Dense layers up to logits."""
    keras.utils.set_random_seed(0)
    stack = [keras.Input(shape), keras.layers.Flatten()]
    for units in hidden:
        stack.append(keras.layers.Dense(units, kernel_initializer=keras.initializers.get(kernel)))
        stack += [keras.layers.BatchNormalization()] if normalise else []
        stack.append(keras.layers.Activation(activation))
    return keras.Sequential([*stack, keras.layers.Dense(outputs)])


def patient(model, data, epochs=20, loss=CROSS_ENTROPY, augment=None, callbacks=(), **trainer):
    """Returns the `Patient` that `diagnose` would make of these."""
    trainer = tt.Trainer(model, loss=loss, **trainer)
    stream = data if isinstance(data, tt.data.Stream) else tt.data.Stream(data, augment=augment)
    plan_task(trainer, stream, epochs, callbacks)
    return Patient(trainer, stream, epochs=epochs, callbacks=list(callbacks))


def state_of(patient):
    """Returns copies of all that a check must put back."""
    optimizer = patient.trainer.optimizer
    return [np.array(v) for v in [*patient.trainer.model.variables, *optimizer.variables]]


def names(checked):
    """Returns the names of findings that are meant: above a confidence of 0.3."""
    return [finding.name for finding in checked.findings if finding.confidence > 0.3]


def assert_left_as_found(check, patient):
    """Runs a check, and returns what it returns; the patient must be as it was, bit for bit."""
    before = state_of(patient)
    checked = check(patient, silent)
    after = state_of(patient)
    assert len(before) == len(after)
    for one, other in zip(before, after):
        np.testing.assert_array_equal(one, other)
    return checked
