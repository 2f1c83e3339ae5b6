import keras
import numpy as np
import pytest

from tf_tricks import layers
from tf_tricks.errors import RequestError
from tf_tricks.models import wide_resnet


def trainable_parameters(model):
    return sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)


def of_kind(model, kind):
    return [layer for layer in model.layers if isinstance(layer, kind)]


@pytest.mark.parametrize(
    ("depth", "widen_factor", "millions"),
    [(16, 4, 2.7), (40, 1, 0.6), (40, 2, 2.2), (28, 10, 36.5)],
)
def test_parameters_are_those_of_the_paper(depth, widen_factor, millions):
    # Zagoruyko & Komodakis 2016, table 4 and the text.
    model = wide_resnet((32, 32, 3), 10, depth=depth, widen_factor=widen_factor)
    assert round(trainable_parameters(model) / 1e6, 1) == millions


def test_parameters_by_hand():
    convolutions = 9 * (3 * 16 + 16 * 32 + 3 * 32 * 32 + 32 * 64 + 3 * 64 * 64 + 64 * 128 + 3 * 128 * 128)
    projections = 16 * 32 + 32 * 64 + 64 * 128
    batch_norms = 2 * (16 + 3 * 32 + 32 + 3 * 64 + 64 + 3 * 128 + 128)
    model = wide_resnet((32, 32, 3), 10, depth=16, widen_factor=2)
    assert trainable_parameters(model) == convolutions + projections + batch_norms + 128 * 10 + 10


def test_depth_counts_the_convolutions_with_the_projections():
    model = wide_resnet((8, 8, 3), 10, depth=16, widen_factor=2)
    assert len(of_kind(model, keras.layers.Conv2D)) == 16


@pytest.mark.parametrize(("widen_factor", "projections"), [(1, 2), (2, 3)])
def test_shortcuts_are_projections_only_where_the_shape_changes(widen_factor, projections):
    # Without widening, the first stage has the channels of the first convolution.
    model = wide_resnet((8, 8, 3), 10, depth=16, widen_factor=widen_factor)
    sizes = [layer.kernel_size for layer in of_kind(model, keras.layers.Conv2D)]
    assert sizes.count((1, 1)) == projections


def test_batch_norm_and_relu_stand_before_the_convolutions_of_a_block():
    model = wide_resnet((8, 8, 3), 10, depth=16, widen_factor=2)
    of_layer = {id(layer.output): layer for layer in model.layers}
    first, *others = of_kind(model, keras.layers.Conv2D)
    assert first.input is model.input
    for layer in others:
        before = of_layer[id(layer.input)]
        while isinstance(before, (keras.layers.Dropout, keras.layers.ZeroPadding2D)):
            before = of_layer[id(before.input)]
        assert isinstance(before, keras.layers.ReLU)
        assert isinstance(of_layer[id(before.input)], keras.layers.BatchNormalization)


def test_dropout_stands_between_the_convolutions_of_every_block():
    model = wide_resnet((8, 8, 3), 10, depth=16, widen_factor=2, dropout=0.3)
    dropouts = of_kind(model, keras.layers.Dropout)
    assert [layer.rate for layer in dropouts] == 6 * [0.3]
    assert all(isinstance(layer._outbound_nodes[0].operation, keras.layers.Conv2D) for layer in dropouts)


@pytest.mark.parametrize(("depth", "nearest"), [(17, 16), (4, 10), (27, 28)])
def test_other_depths_get_the_nearest(depth, nearest):
    with pytest.raises(RequestError, match=f"not {depth}; the nearest is {nearest}$"):
        wide_resnet((32, 32, 3), 10, depth=depth)


def test_a_widen_factor_of_0_gets_a_sentence():
    with pytest.raises(RequestError, match="widen_factor must be an integer at least 1, not 0"):
        wide_resnet((32, 32, 3), 10, widen_factor=0)


def test_every_branch_of_fixup_begins_at_0():
    model = wide_resnet((8, 8, 3), 10, depth=16, widen_factor=1, normalization="fixup")
    ends = [layer.output for layer in model.layers if isinstance(layer, layers.ScalarMultiplier)]
    assert len(ends) == 6
    for end in keras.Model(model.input, ends)(np.ones((2, 8, 8, 3))):
        np.testing.assert_array_equal(end, np.zeros(end.shape))
