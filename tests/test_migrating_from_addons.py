import math
import pkgutil
import re
from pathlib import Path

import keras
import numpy as np
import pytest

PAGE = (Path(__file__).parents[1] / "docs" / "migrating_from_addons.md").read_text(encoding="utf-8")

# What `import` finds in the packages of release 0.23.
ADDONS = {
    "optimizers": """AdaBelief AdamW AveragedOptimizerWrapper COCOB ConditionalGradient CyclicalLearningRate
        DecoupledWeightDecayExtension ExponentialCyclicalLearningRate KerasLegacyOptimizer LAMB LazyAdam Lookahead
        MovingAverage MultiOptimizer NovoGrad ProximalAdagrad RectifiedAdam SGDW SWA Triangular2CyclicalLearningRate
        TriangularCyclicalLearningRate Yogi extend_with_decoupled_weight_decay""",
    "layers": """AdaptiveAveragePooling1D AdaptiveAveragePooling2D AdaptiveAveragePooling3D AdaptiveMaxPooling1D
        AdaptiveMaxPooling2D AdaptiveMaxPooling3D CRF CorrelationCost ESN EmbeddingBag FilterResponseNormalization GELU
        GroupNormalization InstanceNormalization MaxUnpooling2D MaxUnpooling2DV2 Maxout MultiHeadAttention NoisyDense
        PoincareNormalize PolynomialCrossing Snake Sparsemax SpatialPyramidPooling2D SpectralNormalization
        StochasticDepth TLU WeightNormalization""",
    "losses": """ContrastiveLoss GIoULoss LiftedStructLoss NpairsLoss NpairsMultilabelLoss PinballLoss
        SigmoidFocalCrossEntropy SparsemaxLoss TripletHardLoss TripletSemiHardLoss WeightedKappaLoss contrastive_loss
        giou_loss lifted_struct_loss npairs_loss npairs_multilabel_loss pinball_loss sigmoid_focal_crossentropy
        sparsemax_loss triplet_hard_loss triplet_semihard_loss""",
    "callbacks": "AverageModelCheckpoint TQDMProgressBar TimeStopping",
    "image": """adjust_hsv_in_yiq angles_to_projective_transforms blend compose_transforms connected_components cutout
        dense_image_warp equalize euclidean_dist_transform gaussian_filter2d interpolate_bilinear interpolate_spline
        mean_filter2d median_filter2d random_cutout random_hsv_in_yiq resampler rotate sharpness shear_x shear_y
        sparse_image_warp transform translate translate_xy translations_to_projective_transforms""",
}
LIBRARIES = ("keras", "tf_tricks", "tensorflow")  # those whose names are looked up
OTHER_LIBRARIES = ("keras_rs", "scipy", "tqdm")
# A dotted name, and the version of Keras behind it, if any.
NAME = re.compile(rf"(?<![\w.])((?:{'|'.join(LIBRARIES)})(?:\.\w+)+)`?(?: \(Keras ≥ (\d+)\.(\d+)\))?")
NAMES = sorted({(name, int(major or 0), int(minor or 0)) for name, major, minor in NAME.findall(PAGE)})
INSTALLED = tuple(int(part) for part in keras.__version__.split(".")[:2])
NOW = [block for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL) if "tfa." not in block]


def rows(package):
    """The rows of a package's table, each a list of three cells."""
    section = PAGE.split(f"\n## tfa.{package}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_the_tables_have_each_name_of_addons_once():
    listed = {package: [n for row in rows(package) for n in re.findall(r"`(\w+)`", row[0])] for package in ADDONS}
    assert {package: sorted(names) for package, names in listed.items()} == {
        package: sorted(names.split()) for package, names in ADDONS.items()
    }


def test_each_row_names_a_successor_or_says_nothing():
    known = "|".join(LIBRARIES + OTHER_LIBRARIES)
    successor = re.compile(rf"nothing|`(?:{known})(?:\.\w+)+`(?: \(Keras ≥ \d+\.\d+\))?")
    every_row = [row for package in ADDONS for row in rows(package)]
    assert [row for row in every_row if len(row) != 3 or not successor.fullmatch(row[1])] == []


def test_each_name_exists_in_the_versions_that_the_page_says():
    due = [name for name, *version in NAMES if tuple(version) <= INSTALLED]
    assert [name for name in due if not exists(name)] == []


def exists(name):
    try:
        pkgutil.resolve_name(name)
    except (ImportError, AttributeError):
        return False
    return True


@pytest.mark.parametrize("block", NOW, ids=["lookahead", "averaging", "cyclical"])
def test_the_code_to_use_now_trains(block):
    inputs = keras.Input((3,))
    model = keras.Model(inputs, keras.layers.Dense(2, activation="softmax")(inputs))
    images, labels = np.linspace(-1, 1, 24, dtype="float32").reshape(8, 3), np.arange(8) % 2
    scope = {"model": model, "images": images, "labels": labels}
    exec(compile(block, "migrating_from_addons.md", "exec"), scope)
    if model.optimizer.iterations == 0:
        model.fit(images, labels, verbose=0)
    assert all(np.isfinite(weight).all() for weight in model.get_weights())


def test_the_triangular_schedule_is_that_of_addons():
    scope = {}
    exec(re.search(r"def triangular.*?\n\n\n", PAGE, re.DOTALL)[0], scope)
    for epoch in np.linspace(0, 20, 81):
        cycle = math.floor(1 + epoch / 8)
        height = max(0.0, 1 - abs(epoch / 4 - 2 * cycle + 1))
        assert scope["triangular"](epoch) == pytest.approx(0.001 + 0.009 * height, abs=1e-12)
