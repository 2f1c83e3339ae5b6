"""Sources: shapes, dtypes, values, and what cannot be one."""

import numpy as np
import pytest
import tensorflow as tf

from tf_tricks.data import ArraySource, EncodedSource
from tf_tricks.data.decode import central_window, decoder, random_window
from tf_tricks.data.encoded_source import SerializedExamples
from tf_tricks.errors import RequestError

IMAGES = np.random.RandomState(0).randint(0, 256, (10, 4, 5, 3)).astype("uint8")
CLASSES = np.arange(10) % 3
PICK = tf.constant([7, 0, 7], tf.int64)


def test_images_are_kept_as_uint8_and_classes_as_they_are():
    inputs, labels = ArraySource(IMAGES, CLASSES).fetch(PICK)
    np.testing.assert_array_equal(inputs, IMAGES[[7, 0, 7]])
    assert inputs.dtype == "uint8"
    assert (labels.dtype, labels.numpy().tolist()) == (tf.int64, [1, 0, 1])


def test_a_classification_source_describes_itself():
    source = ArraySource(IMAGES, CLASSES, label_names=("a", "b", "c"))
    assert (source.num_examples, source.input_shape, source.input_dtype) == (10, (4, 5, 3), "uint8")
    assert (source.num_classes, source.num_outputs, source.label_names) == (3, 3, ["a", "b", "c"])


def test_a_regression_source_describes_itself():
    source = ArraySource(np.zeros((10, 6)), np.full((10, 2), 0.7))
    assert (source.input_shape, source.input_dtype) == ((6,), "float32")
    assert (source.num_classes, source.num_outputs, source.label_names) == (None, 2, None)


@pytest.mark.parametrize("dtype", ["int64", "uint16", "bool", "int8"])
def test_integers_are_kept(dtype):
    inputs, _ = ArraySource(np.arange(20).reshape(10, 2).astype(dtype), CLASSES).fetch(PICK)
    assert inputs.dtype == dtype


@pytest.mark.parametrize("dtype", ["float64", "float16"])
def test_floats_become_float32(dtype):
    inputs, _ = ArraySource(np.arange(20).reshape(10, 2).astype(dtype), CLASSES).fetch(PICK)
    assert inputs.dtype == "float32"


@pytest.mark.parametrize("kind", ["U", "S", "O"])
def test_texts_are_inputs(kind):
    source = ArraySource(np.array([f"text {i}" for i in range(10)]).astype(kind), CLASSES)
    inputs, _ = source.fetch(PICK)
    assert inputs.numpy().tolist() == [b"text 7", b"text 0", b"text 7"]
    assert (source.input_shape, source.input_dtype) == ((), "string")


@pytest.mark.parametrize("shape", [(10,), (10, 1)])
def test_targets_keep_their_shape(shape):
    _, labels = ArraySource(IMAGES, np.arange(10.0).reshape(shape)).fetch(PICK)
    assert (labels.dtype, labels.numpy().ravel().tolist()) == (tf.float32, [7.0, 0.0, 7.0])
    assert labels.shape == (3, *shape[1:])


def test_structures_of_arrays():
    source = ArraySource({"a": [IMAGES, CLASSES]}, {"u": CLASSES, "v": np.ones(10)}, np.arange(10.0) + 1)
    inputs, labels, weights = source.fetch(PICK)
    np.testing.assert_array_equal(inputs["a"][0], IMAGES[[7, 0, 7]])
    assert (labels["u"].numpy().tolist(), weights.numpy().tolist()) == ([1, 0, 1], [8.0, 1.0, 8.0])
    assert source.input_shape == {"a": ((4, 5, 3), ())}
    assert (source.num_classes, source.labels["u"].kind, source.has_weights) == (None, "classes", True)


@pytest.mark.parametrize(
    ("labels", "kind", "num_classes"),
    [
        (CLASSES, "classes", 3),
        (CLASSES[:, np.newaxis], "classes", 3),
        (CLASSES - 1, "values", None),
        (np.eye(3)[CLASSES], "one-hot", 3),
        (0.8 * np.eye(3)[CLASSES] + 0.2 / 3, "distributions", 3),
        ((np.arange(30).reshape(10, 3) % 4 < 2) * 1, "multi-hot", 3),
        (CLASSES % 2 * 1.0, "binary", None),
        (CLASSES * 1.0, "integers as floats", None),
        (CLASSES * 0.7, "values", None),
        (np.arange(30.0).reshape(10, 3), "values", None),
    ],
)
def test_the_kind_of_labels(labels, kind, num_classes):
    source = ArraySource(IMAGES, labels)
    assert (source.labels.kind, source.num_classes) == (kind, num_classes)


def test_floats_are_classes_if_their_number_is_said():
    assert ArraySource(IMAGES, CLASSES * 1.0, num_classes=3).labels.kind == "classes"


@pytest.mark.parametrize(
    ("weights", "sentence"),
    [
        (np.ones(9), "a weight for each example, not 9 for 10"),
        (-np.ones(10), "the weights must be at least 0, not -1"),
        (np.zeros(10), "the weights are all 0"),
        (np.ones((10, 2)), r"a number for each of the labels \[10\], not \[10, 2\]"),
        (np.full(10, np.nan), "the weights must be finite"),
        ([np.ones(10), np.ones(10)], "one array, or in the structure of the labels"),
    ],
)
def test_unusable_weights(weights, sentence):
    with pytest.raises(RequestError, match=sentence):
        ArraySource(IMAGES, CLASSES, weights)


def test_classes_may_come_as_a_column():
    _, labels = ArraySource(IMAGES, CLASSES[:, np.newaxis]).fetch(PICK)
    assert labels.numpy().tolist() == [[1], [0], [1]]


def test_more_classes_than_the_labels_show_can_be_asked_for():
    assert ArraySource(IMAGES, CLASSES, num_classes=7).num_classes == 7


@pytest.mark.parametrize(("number", "batch_size"), [(1, 4), (None, None)])
def test_shapes_inside_map_are_as_static_as_the_indices(number, batch_size):
    source = ArraySource(IMAGES, CLASSES)
    dataset = tf.data.Dataset.range(10).batch(4, drop_remainder=batch_size is not None)
    spec = dataset.map(lambda i: source.fetch(i, i)).element_spec
    assert [s.shape.as_list() for s in spec] == [[batch_size, 4, 5, 3], [batch_size]]


def test_mapping_over_a_data_set_gives_the_examples():
    source = ArraySource(IMAGES, CLASSES)
    (batch,) = tf.data.Dataset.range(10).batch(10).map(lambda i: source.fetch(i, i))
    np.testing.assert_array_equal(batch[0], IMAGES)


def test_a_graph_holds_no_copy_of_the_arrays():
    source = ArraySource(np.zeros((1000, 100)), np.zeros(1000, int))
    graph = tf.function(source.fetch).get_concrete_function(tf.TensorSpec([2], tf.int64)).graph
    assert graph.as_graph_def().ByteSize() < 5000


def test_a_subset_counts_its_own_examples_from_zero():
    part = ArraySource(IMAGES, CLASSES).subset([2, 5, 9])
    inputs, labels = part.fetch(tf.constant([2, 0], tf.int64))
    assert part.num_examples == 3
    np.testing.assert_array_equal(inputs, IMAGES[[9, 2]])
    np.testing.assert_array_equal(labels, CLASSES[[9, 2]])


def test_a_subset_of_a_subset_is_a_subset():
    part = ArraySource(IMAGES, CLASSES).subset([2, 5, 9]).subset([1])
    np.testing.assert_array_equal(part.fetch(tf.constant([0], tf.int64))[0], IMAGES[[5]])


def test_a_subset_leaves_its_source_alone():
    source = ArraySource(IMAGES, CLASSES)
    source.subset([2])
    assert source.num_examples == 10


@pytest.mark.parametrize(
    ("inputs", "labels", "num_classes", "sentence"),
    [
        (IMAGES, CLASSES[:9], None, "there must be a label for each input, not 9 for 10 inputs"),
        (IMAGES[:0], np.zeros(0), None, "a data set must hold at least one example"),
        (IMAGES, CLASSES, 2, "the labels must be from 0 to 1, the classes, not 2"),
        (IMAGES, CLASSES, 0, "num_classes must be an integer at least 1, not 0"),
        (IMAGES, CLASSES * 0.5, 3, "num_classes is 3, but the labels are values"),
        (IMAGES, np.array(list("abcdefghij")), None, "the labels must be numbers"),
        (np.array([None] * 10), CLASSES, None, r"the inputs must be numbers \[n, ...\], not object"),
        ({"a": IMAGES, "b": IMAGES[:4]}, CLASSES, None, "as many examples in each of the inputs, not 10, 4"),
        ({}, CLASSES, None, "must have inputs and labels"),
        (np.full((10, 2), np.nan), CLASSES, None, "the inputs must be finite"),
        (IMAGES, np.full(10, np.inf), None, "the labels must be finite"),
    ],
)
def test_unusable_arrays_get_a_sentence(inputs, labels, num_classes, sentence):
    with pytest.raises(RequestError, match=sentence):
        ArraySource(inputs, labels, num_classes=num_classes)


def encoded_source(records, window=None, **arguments):
    decode = decoder(window or central_window(1.0))
    return EncodedSource(SerializedExamples(records), decode, image_size=8, num_classes=10, **arguments)


def test_encoded_images_are_decoded_when_fetched(records):
    inputs, labels = encoded_source(records).fetch(PICK, PICK)
    assert labels.numpy().tolist() == [7, 0, 7]
    np.testing.assert_array_equal(inputs, np.array([35, 0, 35], "uint8")[:, None, None, None] * np.ones((8, 8, 3)))


def test_an_encoded_source_describes_itself(records):
    source = encoded_source(records, label_names=list("abcdefghij"))
    assert (source.num_examples, source.input_shape, source.input_dtype) == (10, (8, 8, 3), "uint8")
    assert (source.num_classes, source.num_outputs, source.label_names) == (10, 10, list("abcdefghij"))


def test_an_encoded_source_of_some_rows_counts_from_zero(records):
    source = encoded_source(records).subset(np.array([4, 6]))
    assert source.num_examples == 2
    assert source.fetch(tf.constant([1], tf.int64), tf.constant([0], tf.int64))[1].numpy().tolist() == [6]


def test_an_encoded_source_has_static_shapes_inside_map(records):
    source = encoded_source(records)
    dataset = tf.data.Dataset.range(8).batch(4, drop_remainder=True).map(lambda i: source.fetch(i, i))
    assert [s.shape.as_list() for s in dataset.element_spec] == [[4, 8, 8, 3], [4]]
    assert np.concatenate([labels for _, labels in dataset]).tolist() == list(range(8))


def test_a_random_window_depends_on_the_position_and_not_on_the_batch(records):
    ramp = tf.io.encode_png(tf.cast(tf.reshape(tf.range(32 * 32 * 3) // 12, (32, 32, 3)), tf.uint8)).numpy()
    example = tf.train.Example.FromString(records[0])
    example.features.feature["image"].bytes_list.value[0] = ramp
    source = encoded_source(type(records)([example.SerializeToString()]), random_window(seed=3))
    positions = tf.range(6, dtype=tf.int64)
    together = source.fetch(tf.zeros_like(positions), positions)[0].numpy()
    alone = np.concatenate([source.fetch(tf.zeros([1], tf.int64), positions[i : i + 1])[0] for i in range(6)])
    np.testing.assert_array_equal(together, alone)
    assert len({image.tobytes() for image in together}) == 6
