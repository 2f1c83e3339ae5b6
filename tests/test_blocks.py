"""The blocks of any network: by its names, by its graph, in models within models."""

import keras
import numpy as np
import pytest
from keras import layers as K
from support.blocks import check_properties, layers_by_block, names

from tf_tricks import RequestError
from tf_tricks.blocks import blocks_of
from tf_tricks.models.resnet import resnet
from tf_tricks.models.wide_resnet import wide_resnet


def residual(x, width, name=None):
    y = K.Conv2D(width, 3, padding="same", use_bias=False, name=name and f"{name}_conv1")(x)
    y = K.ReLU()(K.BatchNormalization()(y))
    y = K.BatchNormalization()(K.Conv2D(width, 3, padding="same", use_bias=False)(y))
    if x.shape[-1] != width:
        x = K.Conv2D(width, 1)(x)
    return K.ReLU()(x + y)


def test_a_residual_block_without_a_name_is_not_torn_apart():
    x = inputs = keras.Input((8, 8, 3))
    x = K.ReLU()(K.BatchNormalization()(K.Conv2D(4, 3, padding="same", name="first")(x)))
    for width in (4, 8, 8):
        x = residual(x, width)
    outputs = K.Dense(2, name="logits")(K.GlobalAveragePooling2D()(x))
    model = keras.Model(inputs, outputs)
    blocks = blocks_of(model)
    kinds = [[type(layer).__name__ for layer in block.layers] for block in blocks]
    assert [row.count("Conv2D") for row in kinds] == [1, 2, 3, 2, 0]
    assert kinds[1][-1] == "ReLU"
    assert kinds[3][-1] == "GlobalAveragePooling2D"
    assert blocks[0].name == "stem"
    assert [layer.name for layer in blocks[-1].layers] == ["logits"]
    assert check_properties(model) == [1, 1, 1, 1]


@pytest.mark.parametrize(
    ("model", "blocks"),
    [
        (lambda: resnet((32, 32, 3), num_outputs=10, depth=20), 9),
        (lambda: resnet((32, 32, 3), num_outputs=10, depth=20, normalization="fixup"), 9),
        (lambda: resnet((64, 64, 3), num_outputs=10, depth=50), 16),
        (lambda: wide_resnet((32, 32, 3), num_outputs=10, depth=16, widen_factor=1), 6),
    ],
    ids=["resnet20", "fixup", "resnet50", "wide_resnet"],
)
def test_our_residual_networks_have_a_stem_their_blocks_and_a_head(model, blocks):
    model = model()
    found = names(model)
    assert (found[0], len(found), found[-1]) == ("stem", blocks + 2, "logits")
    assert set(check_properties(model)) == {1}


class Position(K.Layer):
    def build(self, shape):
        self.table = self.add_weight(shape=shape[1:], name="table")

    def call(self, x):
        return x + self.table


def vit(name=lambda i, part: f"block_{i}_{part}"):
    inputs = keras.Input((16, 16, 3))
    x = K.Reshape((16, 8))(K.Conv2D(8, 4, 4, name="patches")(inputs))
    x = Position(name="position")(x)
    for i in range(3):
        y = K.LayerNormalization(name=name(i, "norm1"))(x)
        x = K.Add()([x, K.MultiHeadAttention(2, 4, name=name(i, "attention"))(y, y)])
        y = K.Dense(16, "gelu", name=name(i, "mlp1"))(K.LayerNormalization(name=name(i, "norm2"))(x))
        x = x + K.Dense(8, name=name(i, "mlp2"))(y)
    x = K.GlobalAveragePooling1D()(K.LayerNormalization(name="norm")(x))
    return keras.Model(inputs, K.Dense(3, name="head")(x))


def test_a_vision_transformer():
    found = layers_by_block(vit())
    assert list(found) == ["stem", "block_0", "block_1", "block_2", "head"]
    assert {"patches", "position"} < set(found["stem"])
    assert {f"block_1_{part}" for part in ("norm1", "attention", "norm2", "mlp1", "mlp2")} < set(found["block_1"])
    assert "norm" in found["block_2"]


def test_without_names_its_attentions_and_its_mlps_are_blocks():
    model = vit(lambda i, part: None)
    assert [name.partition("_")[0] for name in names(model)] == ["stem", *3 * ["multi", "dense"], "head"]
    assert set(check_properties(model)) == {1}


def test_a_mask_that_goes_to_every_block_holds_none_together():
    tokens, mask = keras.Input((5,), dtype="int32"), keras.Input((5,), dtype="bool")
    x = K.Embedding(9, 8)(tokens)
    for _ in range(3):
        x = x + K.MultiHeadAttention(2, 4)(x, x, attention_mask=keras.ops.expand_dims(mask, 1))
    model = keras.Model([tokens, mask], K.Dense(2)(x))
    assert len(names(model)) == 5


def test_models_in_models():
    body = keras.applications.MobileNetV2(weights=None, include_top=False, input_shape=(96, 96, 3))
    inner = keras.Sequential([body, K.GlobalAveragePooling2D()], name="inner")
    deep = keras.Sequential([keras.Input((96, 96, 3)), K.RandomFlip(), inner, K.Dense(3, name="logits")])
    inputs = keras.Input((96, 96, 3))
    wide = keras.Model(inputs, K.Dense(3, name="logits")(inner(inputs)))
    for model in (deep, wide):
        assert names(model) == [*names(body), "logits"]
        check_properties(model)


def test_the_same_names_in_two_models_inside_are_told_apart():
    def tower(name):
        return keras.Sequential([keras.Input((4,)), *(K.Dense(4, name=f"block_{i}") for i in range(2))], name=name)

    left, right = keras.Input((4,)), keras.Input((4,))
    x = K.Concatenate()([tower("left")(left), tower("right")(right)])
    model = keras.Model([left, right], K.Dense(2, name="logits")(x))
    assert sorted(names(model)) == ["left/block_0", "left/block_1", "logits", "right/block_0", "right/block_1"]
    check_properties(model)


def test_a_chain_of_layers():
    dense, norm = K.Dense, K.BatchNormalization
    stack = [K.Rescaling(2.0), dense(4, name="one"), norm(), K.ReLU(), K.Dropout(0.5), dense(4, name="two"), norm()]
    model = keras.Sequential([keras.Input((4,)), *stack, dense(2, name="logits")])
    assert names(model) == ["one", "two", "logits"]
    assert [len(block.layers) for block in blocks_of(model)] == [6, 2, 1]  # with the InputLayer


def test_a_layer_that_is_called_twice_is_in_one_block():
    inputs, twice = keras.Input((4,)), K.Dense(4, name="twice")
    model = keras.Model(inputs, K.Dense(2, name="last")(twice(K.Dense(4, name="between")(twice(inputs)))))
    assert names(model) == ["twice", "between", "last"]


def test_a_branch_that_ends_in_an_output_does_not_hold_the_rest_together():
    x = inputs = keras.Input((4,))
    x = K.Dense(4, name="one")(x)
    auxiliary = K.Dense(2, name="auxiliary")(x)
    for name in ("two", "three", "four"):
        x = K.Dense(4, name=name)(x)
    model = keras.Model(inputs, [K.Dense(2, name="main")(x), auxiliary])
    found = layers_by_block(model)
    assert [sorted(set(layers) - {inputs._keras_history.operation.name}) for layers in found.values()] == [
        ["one"],
        ["auxiliary", "two"],
        ["three"],
        ["four"],
        ["main"],
    ]


class Residual(K.Layer):
    def __init__(self, units, **arguments):
        super().__init__(**arguments)
        self.one, self.two = K.Dense(units), K.Dense(units)

    def build(self, shape):
        self.one.build(shape)
        self.two.build(shape)

    def call(self, x):
        return x + self.two(self.one(x))


class Encoder(K.Layer):
    def __init__(self, prefix):
        super().__init__(name="encoder")
        self.all = [Residual(4, name=prefix and f"{prefix}_{i}") for i in range(3)]

    def build(self, shape):
        for layer in self.all:
            layer.build(shape)

    def call(self, x):
        for layer in self.all:
            x = layer(x)
        return x


@pytest.mark.parametrize(("prefix", "expected"), [("block", ["block_0", "block_1", "block_2"]), ("unit", ["encoder"])])
def test_a_layer_of_layers_counts_as_one_unless_they_have_the_numbers_of_blocks(prefix, expected):
    model = keras.Sequential([keras.Input((4,)), Encoder(prefix), K.Dense(2, name="logits")])
    assert names(model) == [*expected, "logits"]
    check_properties(model)


def test_the_first_of_a_class_has_no_number():
    keras.backend.clear_session()

    class ResBlock(Residual):
        pass

    model = keras.Sequential([keras.Input((4,)), *(ResBlock(4) for _ in range(3)), K.Dense(2, name="logits")])
    assert names(model) == ["res_block", "res_block_1", "res_block_2", "logits"]


class Unit(keras.Model):
    def __init__(self, name):
        super().__init__(name=name)
        self.one, self.two = K.Dense(4), K.Dense(4)

    def call(self, x):
        return x + self.two(self.one(x))


class Body(keras.Model):
    def __init__(self):
        super().__init__(name="body")
        self.first, self.second, self.norm = Unit("a"), Unit("b"), K.LayerNormalization(name="norm")

    def call(self, x):
        return self.norm(self.second(self.first(x)))


class Whole(keras.Model):
    def __init__(self):
        super().__init__()
        self.body, self.head = Body(), K.Dense(2, name="head")

    def call(self, x):
        return self.head(self.body(x))


def test_a_subclass_is_its_layers_in_the_order_of_its_attributes():
    model = Whole()
    model(np.zeros((1, 4)))
    assert layers_by_block(model) == {"a": ["a"], "b": ["b", "norm"], "head": ["head"]}


def test_a_model_without_weights():
    with pytest.raises(RequestError, match="'unbuilt' has no weights yet"):
        blocks_of(keras.Sequential([K.Dense(2)], name="unbuilt"))
