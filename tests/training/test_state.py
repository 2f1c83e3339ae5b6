"""What a checkpoint keeps of variables and callbacks."""

import json

import keras
import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from tf_tricks.training import checkpoint, state


def equal(one, other):
    if isinstance(one, np.ndarray):
        return isinstance(other, np.ndarray) and one.dtype == other.dtype and np.array_equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(equal(v, other[k]) for k, v in one.items())
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(equal, one, other))
    return one == other and type(one) is type(other)


scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text())
array = arrays_of.arrays(
    st.sampled_from(["float32", "float64", "int64", "bool"]),
    arrays_of.array_shapes(min_dims=0, max_dims=2, min_side=0, max_side=3),
    elements=st.sampled_from([0, 1]),
)
values = st.recursive(
    st.one_of(scalars, array),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=3)),
    max_leaves=8,
)


@settings(max_examples=60)
@given(value=values)
def test_packed_values_come_back_from_json(value):
    arrays = {"model/0": np.zeros(2)}
    packed = json.loads(json.dumps(state.pack(value, arrays)))
    assert equal(state.unpack(packed, arrays), value)


def test_packing_leaves_the_other_arrays_alone():
    arrays = {"model/0": np.zeros(2)}
    state.pack([np.ones(3), np.ones(4)], arrays)
    assert sorted(len(a) for a in arrays.values()) == [2, 3, 4]


def test_numbers_of_numpy_become_pythons():
    assert state.pack([np.float32(0.5), np.int64(3), np.bool_(True)], {}) == [0.5, 3, True]


def variables():
    return {"model": [keras.Variable(np.arange(3.0)), keras.Variable(2.0)], "optimizer": [keras.Variable([1, 2])]}


def test_variables_come_back():
    arrays = state.variable_arrays(variables())
    others = {name: [keras.ops.zeros_like(v) for v in group] for name, group in variables().items()}
    others = {name: [keras.Variable(v, dtype=v.dtype) for v in group] for name, group in others.items()}
    state.assign_variables(others, arrays)
    assert equal(state.variable_arrays(others), arrays)


def test_another_shape_is_refused():
    arrays = state.variable_arrays(variables()) | {"model/0": np.zeros(4)}
    with pytest.raises(ValueError, match="model/0 does not fit"):
        state.assign_variables(variables(), arrays)


def test_a_missing_array_is_refused():
    arrays = state.variable_arrays(variables())
    del arrays["optimizer/0"]
    with pytest.raises(ValueError, match="optimizer/0 does not fit"):
        state.assign_variables(variables(), arrays)


def test_refused_arrays_change_no_variable():
    arrays = state.variable_arrays(variables()) | {"model/0": np.full(3, 9.0), "optimizer/0": np.zeros(7)}
    groups = variables()
    with pytest.raises(ValueError):
        state.assign_variables(groups, arrays)
    assert equal(state.variable_arrays(groups), state.variable_arrays(variables()))


def test_bfloat16_comes_back_from_a_checkpoint(tmp_path):
    groups = {"model": [keras.Variable([1.5, -2.0], dtype="bfloat16")]}
    checkpoint.save(tmp_path, 1, state.variable_arrays(groups), {})
    others = {"model": [keras.Variable([0.0, 0.0], dtype="bfloat16")]}
    state.assign_variables(others, checkpoint.load_newest(tmp_path)[0])
    np.testing.assert_array_equal(np.asarray(others["model"][0]), np.array([1.5, -2.0], ml_dtypes.bfloat16))


def model():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse", jit_compile=False)
    model.stop_training = False
    return model


def callback(make):
    made = make()
    made.set_model(model())
    made.on_train_begin()
    return made


CALLBACKS = {
    "early_stopping": lambda: keras.callbacks.EarlyStopping("val_loss", patience=2, restore_best_weights=True),
    "reduce_lr_on_plateau": lambda: keras.callbacks.ReduceLROnPlateau("val_loss", patience=2, cooldown=1),
    "history": keras.callbacks.History,
}


@pytest.mark.parametrize("name", CALLBACKS)
def test_a_callback_goes_on_where_it_was(name):
    """Interrupted between epochs it ends in the state of one that was not."""
    losses = [3.0, 2.0, 2.5, 2.6, 2.7]
    whole, before, after = (callback(CALLBACKS[name]) for _ in range(3))
    after.model.set_weights(whole.model.get_weights())
    before.model.set_weights(whole.model.get_weights())
    for epoch, loss in enumerate(losses):
        whole.on_epoch_end(epoch, {"val_loss": loss})
    for epoch in (0, 1, 2):
        before.on_epoch_end(epoch, {"val_loss": losses[epoch]})
    arrays = {}
    kept = json.loads(json.dumps(state.pack(state.callback_state(before), arrays)))
    state.restore_callback(after, state.unpack(kept, arrays))
    for epoch in (3, 4):
        after.on_epoch_end(epoch, {"val_loss": losses[epoch]})
    assert equal(state.callback_state(after), state.callback_state(whole))


def test_early_stopping_keeps_its_best_weights():
    stopping = callback(CALLBACKS["early_stopping"])
    stopping.on_epoch_end(0, {"val_loss": 1.0})
    assert equal(state.callback_state(stopping)["best_weights"], stopping.model.get_weights())


def test_functions_and_models_are_not_kept():
    kept = state.callback_state(callback(CALLBACKS["early_stopping"]))
    assert not {"model", "_model", "params", "monitor_op"} & set(kept)


class Counter(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.seen = {1, 2}

    def get_state(self):
        return {"seen": sorted(self.seen)}

    def set_state(self, state):
        self.seen = set(state["seen"])


def test_a_callback_may_say_itself_what_to_keep():
    assert state.callback_state(Counter()) == {"seen": [1, 2]}


def test_a_callback_may_put_back_itself_what_was_kept():
    counter = Counter()
    state.restore_callback(counter, {"seen": [3]})
    assert counter.seen == {3}


def test_callbacks_are_known_by_their_class_and_settings_are_no_state():
    stopping, plateau = keras.callbacks.EarlyStopping(patience=3), keras.callbacks.ReduceLROnPlateau(patience=5)
    assert list(state.named_callbacks([plateau, stopping, plateau])) == [
        "ReduceLROnPlateau",
        "EarlyStopping",
        "ReduceLROnPlateau 2",
    ]
    assert "patience" not in state.callback_state(stopping)
    assert {"wait", "best"} <= set(state.callback_state(stopping))
