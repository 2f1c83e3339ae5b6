"""What block a weight belongs to, by names as libraries give them."""

import pytest

from tf_tricks.block_names import block_of_paths, numbered_blocks


@pytest.mark.parametrize(
    ("name", "block"),
    [
        ("conv2_block1_1_conv", "conv2_block1"),  # ResNet and DenseNet of Keras
        ("conv3_block8_1_conv", "conv3_block8"),
        ("block35_3_conv", "block35_3"),  # Inception-ResNet
        ("block4_sepconv1_bn", "block4"),  # Xception
        ("block12_conv1", "block12"),
        ("block6d_se_reduce", "block6d"),  # EfficientNet
        ("expanded_conv_10_squeeze_excite_conv_1", "expanded_conv_10"),  # MobileNetV3
        ("expanded_conv_squeeze_excite_conv_1", "expanded_conv"),
        ("conv_dw_7_bn", "conv_7"),  # MobileNet
        ("conv_pw_7", "conv_7"),
        ("separable_conv_1_bn_normal_right2_11", "cell_11"),  # NASNet
        ("adjust_conv_projection_reduce_8", "cell_reduce_8"),
        ("mixed9", "mixed9"),  # Inception
        ("mixed9_0", None),
        ("regnetx002_Stage_1_XBlock_2_conv_1x1_1", "regnetx002_Stage_1_XBlock_2"),
        ("convnext_tiny_stage_2_block_5_layer_scale", "convnext_tiny_stage_2_block_5"),
        ("transformer_layer_3/self_attention_layer/query", "transformer_layer_3"),  # KerasHub
        ("stack1_block2_0_conv", "stack1_block2"),
        ("bert/encoder/layer_._11/attention/self/query", "bert/encoder/layer_._11"),  # Transformers
        ("layers.0.blocks.1.attn.qkv", "layers.0.blocks.1"),  # timm
        ("layer3.1.conv2", "layer3.1"),  # torchvision
        ("block_3/dense_layer_1", "block_3"),
        ("input_layer_1", None),
        ("layer_normalization_4", None),
        ("max_pooling2d_3", None),
        ("conv2d_17", None),
        ("batch_normal_3", None),
    ],
)
def test_a_name_tells_its_block(name, block):
    assert numbered_blocks([name]) == [block]


def test_the_first_of_several_has_no_number():
    assert numbered_blocks(["res_block/dense", "res_block_1/dense", "my_layer"]) == ["res_block", "res_block_1", None]


def test_a_downsampling_belongs_to_the_stage_that_it_begins():
    paths = ["stage_0_block_2/kernel", "downsampling_block_0/conv/kernel", "stage_1_block_0/kernel", "head/kernel"]
    assert block_of_paths(paths) == ["stage_0_block_2", "stage_1_block_0", "stage_1_block_0", "head"]


def test_much_before_the_only_block_is_no_stem():
    paths = [f"conv_{i}/kernel" for i in "abc"] + ["hidden_layer_1/kernel"]
    assert block_of_paths(paths) == ["conv_a", "conv_b", "conv_c", "hidden_layer_1"]


def test_a_convolution_without_a_name_goes_around_the_block_before_it():
    paths = ["block1/kernel", "block2_sepconv/kernel", "conv2d/kernel", "batch_normalization/gamma", "block3/kernel"]
    assert block_of_paths(paths) == ["block1", "block2", "block2", "block2", "block3"]


def test_a_scale_belongs_to_the_layer_before_it():
    assert block_of_paths(["one/kernel", "scalar_bias_3/bias", "two/kernel"]) == ["one", "one", "two"]
