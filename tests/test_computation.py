"""The steps of a model, and where one single tensor carries everything."""

import keras
import numpy as np
import pytest
from keras import layers as K

from tf_tricks.computation import single_tensors, steps_of


def dense(name):
    return K.Dense(4, name=name)


def paths(model):
    return [step.path for step in steps_of(model) if not isinstance(step.operation, K.InputLayer)]


def ends(model):
    """What the steps are called that make the single tensors, or end a branch beside them."""
    steps = steps_of(model)
    heavy = [bool(getattr(step.operation, "weights", ())) for step in steps]
    found = [steps[i] for i in single_tensors(steps, heavy)]
    return [step.path for step in found if not isinstance(step.operation, K.InputLayer)]


def test_a_model_inside_is_its_own_steps_at_each_of_its_calls():
    inside = keras.Sequential([keras.Input((4,)), dense("a"), dense("b")], name="inside")
    inputs = keras.Input((4,))
    model = keras.Model(inputs, dense("c")(inside(inside(inputs))))
    assert paths(model) == ["inside/a", "inside/b", "inside/a", "inside/b", "c"]
    assert ends(model) == paths(model)[:-1]


def test_a_step_takes_what_the_steps_before_it_make():
    inputs = keras.Input((4,))
    x = dense("a")(inputs)
    one, two = keras.ops.split(dense("b")(x), 2, axis=-1)
    steps = steps_of(keras.Model(inputs, K.Concatenate(name="joined")([two, x, one])))
    made: set[int] = set()
    for step in steps:
        assert made.issuperset(step.sources)
        made.update(step.results)
    by_path = {step.path: step for step in steps}
    split = next(step for step in steps if len(step.results) == 2)
    assert by_path["joined"].sources == (split.results[1], *by_path["a"].results, split.results[0])


def test_what_goes_around_a_layer_holds_all_before_the_sum_together():
    x = inputs = keras.Input((4,))
    for i in range(2):
        y = dense(f"{i}b")(dense(f"{i}a")(x))
        x = K.Add(name=f"{i}sum")([x, y])
    model = keras.Model(inputs, dense("head")(dense("last")(x)))
    assert ends(model) == ["0sum", "1sum", "last"]


def test_two_inputs_are_single_once_they_are_joined():
    left, right = keras.Input((4,)), keras.Input((4,))
    joined = K.Concatenate(name="joined")([dense("b")(dense("a")(left)), dense("c")(right)])
    assert ends(keras.Model([left, right], dense("head")(dense("d")(joined)))) == ["joined", "d"]


def test_two_heads_are_not_told_apart():
    inputs = keras.Input((4,))
    x = dense("body")(inputs)
    assert ends(keras.Model(inputs, [dense("left")(x), dense("right")(x)])) == ["body"]


def test_a_mask_does_not_count():
    inputs, mask = keras.Input((3, 4)), keras.Input((3,))
    x = K.LSTM(4, return_sequences=True, name="first")(inputs, mask=keras.ops.cast(mask, "bool"))
    x = K.LSTM(4, name="second")(x, mask=keras.ops.cast(mask, "bool"))
    assert ends(keras.Model([inputs, mask], dense("head")(x))) == ["first", "second"]


class Holder(keras.Model):
    """A model inside that has no graph."""

    def __init__(self, name):
        super().__init__(name=name)
        self.one, self.two = dense("one"), dense("two")

    def call(self, x):
        return x + self.two(self.one(x))


@pytest.mark.parametrize(
    ("names", "expected"),
    [(["body"], ["body/one", "body/two", "head"]), (["a", "b"], ["a", "b", "head"])],
    ids=["the only one", "one of two"],
)
def test_a_model_without_a_graph_is_a_body_or_a_unit(names, expected):
    model = keras.Sequential([keras.Input((4,)), *map(Holder, names), dense("head")])
    model(np.zeros((1, 4)))
    assert paths(model) == expected
