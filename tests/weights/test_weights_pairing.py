"""Which layer gets whose weights: by the names that were given, and by place where Keras has numbered."""

import keras
import numpy as np
import pytest

from tf_tricks.weights import in_order, layers_of, pair

dense = keras.layers.Dense


def stack(*layers):
    return layers_of(keras.Sequential([keras.Input((4,)), *layers]))


def names(pairing):
    return [(ours.name, theirs.name) for ours, theirs in pairing.pairs]


def test_numbers_of_keras_mean_nothing():
    """The second model's `dense_1` is its first: by its name it would get the weights of the other's second."""
    ones = stack(dense(4, name="dense"), dense(4, name="dense_1"), dense(4, name="dense_2"))
    others = stack(dense(4, name="dense_1"), dense(4, name="dense_2"), dense(4, name="dense_3"))
    assert names(pair(others, ones)) == [("dense_1", "dense"), ("dense_2", "dense_1"), ("dense_3", "dense_2")]


def test_ten_layers_are_counted_as_numbers():
    ones, others = (stack(*(dense(4) for _ in range(12))) for _ in range(2))
    numbers = [int(name.split("_")[1] if "_" in name else 0) for _, name in names(pair(others, ones))]
    assert np.diff(numbers).tolist() == [1] * 11


def test_names_that_were_given_count_whatever_the_order():
    ones = stack(dense(4, name="left"), dense(4, name="right"))
    others = stack(dense(4, name="right"), dense(4, name="left"))
    assert names(pair(others, ones)) == [("right", "right"), ("left", "left")]


def test_a_layer_that_was_put_in_moves_no_other():
    ones = stack(dense(4, name="body"), dense(4, name="head"))
    others = stack(dense(4, name="new"), dense(4, name="body"), dense(4, name="head"))
    pairing = pair(others, ones)
    assert names(pairing) == [("body", "body"), ("head", "head")]
    assert pairing.told() == "new/kernel [4, 4] is not there, new/bias [4] is not there"


def test_another_head_is_told_with_both_shapes():
    pairing = pair(stack(dense(8), dense(3, name="logits")), stack(dense(8), dense(10, name="logits")))
    assert len(pairing.pairs) == 1
    assert pairing.told() == "logits/kernel is [8, 10] there and [8, 3] here, logits/bias is [10] there and [3] here"


def test_a_layer_with_other_weights_gets_none():
    pairing = pair(stack(dense(3, name="a", use_bias=False)), stack(dense(3, name="a")))
    assert (pairing.pairs, pairing.told()) == ([], "a has weights of [4, 3] and [3] there and [4, 3] here")


def test_what_is_only_there_is_told():
    assert pair(stack(dense(3, name="a")), stack(dense(3, name="a"), dense(2, name="b"))).told() == (
        "b [3, 2] and [2] is only there"
    )


def test_ten_are_told_and_the_others_counted():
    pairing = pair(stack(*(dense(4, name=f"ours_{name}") for name in "abcdefg")), stack(dense(4, name="theirs")))
    assert pairing.told().count(" is ") == 10
    assert pairing.told().endswith(", and 5 more")


def test_models_within_models_keep_to_themselves():
    def made():
        inner = [keras.Sequential([keras.Input((4,)), dense(4)], name=name) for name in ("one", "two")]
        return stack(inner[0], inner[1], dense(4))

    ones, others = made(), made()
    found = {ours.path: theirs.path for ours, theirs in pair(others, ones).pairs}
    assert found == {layer.path: layer.path for layer in ones if layer.weights}


def test_a_name_that_is_given_once_is_found_in_a_model_within():
    inner = keras.Sequential([keras.Input((4,)), dense(4, name="conv")], name="body")
    assert names(pair(stack(dense(4, name="conv")), stack(inner))) == [("conv", "conv")]


def test_the_same_name_in_several_models_within_is_found_by_both_names():
    def made(order):
        return stack(*(keras.Sequential([keras.Input((4,)), dense(4, name="conv")], name=name) for name in order))

    ones, others = made(["one", "two"]), made(["two", "one"])
    paths = {ours.path: theirs.path for ours, theirs in pair(others, ones).pairs}
    assert paths == {"layers/sequential/layers/dense": "layers/sequential_1/layers/dense"} | {
        "layers/sequential_1/layers/dense": "layers/sequential/layers/dense"
    }


@pytest.mark.parametrize(("theirs", "fits"), [([4, 5, 6], True), ([4, 6], False), ([4], False)])
def test_in_order(theirs, fits):
    ours = stack(dense(4, name="a"), dense(5, name="b"))
    others = stack(*(dense(units, name=f"other_{units}") for units in theirs))
    assert (in_order(ours, others) is not None) == fits
