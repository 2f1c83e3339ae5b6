"""The blocks of the networks of keras.applications, against the papers' tables."""

import functools

import keras
import pytest
from support.blocks import check_properties, layers_by_block, names

from tf_tricks import optimizers
from tf_tricks.blocks import block_of_paths, blocks_of


@functools.cache
def network(name):
    return getattr(keras.applications, name)(weights=None, input_shape=(96, 96, 3), classes=5)


# What comes before and after the blocks: of the classes' layers, "fc1" and "fc2" of VGG, 1 x 1 convolutions on top.
@pytest.mark.parametrize(
    ("name", "blocks", "others"),
    [
        ("MobileNet", 13, ["stem", "conv_preds"]),  # Howard et al. 2017, table 1
        ("MobileNetV2", 17, ["stem", "Conv_1", "predictions"]),  # Sandler et al. 2018, table 2
        ("MobileNetV3Small", 11, ["stem", "conv_1", "conv_2", "logits"]),  # Howard et al. 2019, table 2
        ("ResNet50", 3 + 4 + 6 + 3, ["stem", "predictions"]),  # He et al. 2015, table 1
        ("EfficientNetB0", 1 + 2 + 2 + 3 + 3 + 4 + 1, ["stem", "top_conv", "predictions"]),  # Tan & Le 2019, table 1
        ("ConvNeXtTiny", 3 + 3 + 9 + 3, ["stem", "convnext_tiny_head_dense"]),  # Liu et al. 2022, table 9
        ("VGG16", 5, ["fc1", "fc2", "predictions"]),  # Simonyan & Zisserman 2014, table 1
        ("DenseNet121", 6 + 1 + 12 + 1 + 24 + 1 + 16, ["stem", "predictions"]),  # Huang et al. 2016, table 1
        ("InceptionV3", 11, ["stem", "predictions"]),  # Szegedy et al. 2015, figure 5 and on: mixed0 to mixed10
        ("Xception", 14, ["predictions"]),  # Chollet 2016, figure 5
    ],
)
def test_a_network_has_the_blocks_of_its_paper(name, blocks, others):
    model = network(name)
    found = names(model)
    assert len(found) == blocks + len(others)
    assert [name for name in found if name in others] == others
    if name != "InceptionV3":  # whose convolutions are numbered through: "conv2d_17"
        assert len(set(block_of_paths([weight.path for weight in model.weights]))) == len(found)


@pytest.mark.parametrize(
    ("name", "block", "expected"),
    [
        ("Xception", "block13", ["block13_sepconv1", "block13_sepconv2_bn", "block13_pool"]),
        ("DenseNet121", "pool2", ["pool2_bn", "pool2_relu", "pool2_conv", "pool2_pool"]),
        ("ResNet50", "conv2_block1", ["conv2_block1_0_conv", "conv2_block1_0_bn", "conv2_block1_out"]),
        ("ResNet50", "stem", ["conv1_pad", "conv1_conv", "conv1_bn", "pool1_pool"]),
        ("MobileNetV3Small", "expanded_conv", ["expanded_conv_depthwise", "expanded_conv_squeeze_excite_conv_1"]),
        ("InceptionV3", "mixed10", ["mixed9_1", "mixed10"]),
        (
            "ConvNeXtTiny",
            "convnext_tiny_stage_1_block_0",
            [
                "convnext_tiny_downsampling_conv_0",
                "convnext_tiny_stage_1_block_0_depthwise_conv",
                "convnext_tiny_stage_1_block_0_pointwise_conv_2",
                "convnext_tiny_stage_1_block_0_layer_scale",
            ],
        ),
    ],
)
def test_what_a_block_holds(name, block, expected):
    assert set(expected) <= set(layers_by_block(network(name))[block])


FAMILIES = ["MobileNet", "MobileNetV2", "MobileNetV3Small", "ResNet50", "EfficientNetB0", "ConvNeXtTiny", "VGG16"]
FAMILIES += ["DenseNet121", "InceptionV3", "Xception"]
SLOW = ["ResNet50V2", "EfficientNetV2B0", "InceptionResNetV2"]


@pytest.mark.parametrize("name", FAMILIES + [pytest.param(name, marks=pytest.mark.slow) for name in SLOW])
def test_a_single_tensor_leaves_each_block_of_keras_applications(name):
    assert set(check_properties(network(name))) == {1}


@pytest.mark.slow
def test_the_cells_of_nasnet_which_look_at_two_before_them():
    model = network("NASNetMobile")
    assert max(check_properties(model)) > 1
    # Zoph et al. 2017: two cells that reduce the stem, then N = 4 normal ones, three times, and two that reduce.
    cells = [name for name in names(model) if name.startswith("cell_")]
    assert len(cells) == 2 + 3 * 4 + 2
    assert len(names(model)) == 1 + len(cells) + 1


@pytest.mark.parametrize("name", ["MobileNetV3Small", "ResNet50", "EfficientNetB0", "ConvNeXtTiny"])
def test_layer_wise_decay_goes_by_block(name):
    model = network(name)
    variables = model.trainable_variables
    factors = optimizers.LayerWiseDecay(keras.optimizers.SGD(), decay=0.75).find_factors(variables)
    factor_of = {id(variable): factor for variable, factor in zip(variables, factors)}
    blocks = blocks_of(model)
    for i, block in enumerate(blocks):
        found = {factor_of[id(variable)] for layer in block.layers for variable in layer.trainable_variables}
        assert found == {0.75 ** (len(blocks) - 1 - i)}
