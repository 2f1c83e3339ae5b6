"""Data sets of other libraries: the same examples in memory and from the cache, whatever they come in."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from support.batches import everything

import tf_tricks as tt
from tf_tricks.data import spool
from tf_tricks.errors import RequestError

X = np.random.RandomState(0).rand(50, 3, 2).astype("float32")
Y = np.arange(50) % 5
W = np.linspace(0.5, 1, 50).astype("float32")


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TF_TRICKS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


class Batches(keras.utils.PyDataset):
    def __len__(self):
        return 7

    def __getitem__(self, i):
        return X[8 * i : 8 * i + 8], Y[8 * i : 8 * i + 8], W[8 * i : 8 * i + 8]


class Rows:
    """A data set as Hugging Face's and PyTorch's are."""

    def __len__(self):
        return 50

    def __getitem__(self, i):
        return {"image": X[i], "label": int(Y[i]), "weight": float(W[i])}


class Frame:
    """What is looked at of a DataFrame."""

    columns = ("a", "b", "kind")
    iloc = None

    def __getitem__(self, name):
        return {"a": X[:, 0, 0], "b": X[:, 0, 1], "kind": np.array(["p", "q", "r", "s", "t"])[Y]}[name]


def generator():
    for i in range(7):
        yield Batches.__getitem__(None, i)


SETS = {
    "batched": (lambda: tf.data.Dataset.from_tensor_slices((X, Y, W)).batch(8), {}),
    "not batched": (lambda: tf.data.Dataset.from_tensor_slices((X, Y, W)), {}),
    "batched alike": (lambda: tf.data.Dataset.from_tensor_slices((X, Y, W)).batch(10, True), {"batched": True}),
    "PyDataset": (lambda: Batches(), {}),
    "generator": (generator, {}),
    "endless": (lambda: tf.data.Dataset.from_tensor_slices((X, Y, W)).repeat(), {"steps": 50}),
    "rows": (Rows, {"inputs": "image", "labels": "label", "weights": "weight"}),
}


@pytest.mark.parametrize("budget", [1e9, 100.0])
@pytest.mark.parametrize("name", SETS)
def test_examples_are_those_of_the_data_set(name, budget):
    make, arguments = SETS[name]
    source = tt.data.read(make(), memory_budget=budget, verbose=0, **arguments)
    assert type(source).__name__ == ("ArraySource" if budget > 1e6 else "RecordSource")
    for ours, expected in zip(everything(source), (X, Y, W)):
        np.testing.assert_allclose(ours, expected)
    assert (source.num_examples, source.num_classes, source.labels.kind) == (50, 5, "classes")
    assert (source.input_shape, source.input_dtype, source.has_weights) == ((3, 2), "float32", True)


def test_memory_and_cache_give_the_same_batches():
    def of(budget):
        return tt.data.Stream(tt.data.read(SETS["batched"][0](), memory_budget=budget, verbose=0), 7, seed=4)

    for one, other in zip([of(1e9)[k] for k in range(9)], [of(100.0)[k] for k in range(9)]):
        for ours, theirs in zip(one, other):
            np.testing.assert_array_equal(ours, theirs)
            assert ours.dtype == theirs.dtype


def test_structures_and_texts():
    data = tf.data.Dataset.from_tensor_slices(({"a": X, "t": np.array([f"text {i}" for i in range(50)])}, {"u": Y}))
    for budget in (1e9, 10.0):
        source = tt.data.read(data, memory_budget=budget, verbose=0)
        inputs, labels = everything(source)
        assert inputs["t"][3] == b"text 3"
        assert source.input_dtype == {"a": "float32", "t": "string"}
        assert (source.labels["u"].num_classes, labels["u"].tolist()) == (5, Y.tolist())


def test_a_frame():
    source = tt.data.read(Frame(), inputs=["a", "b"], labels="kind", verbose=0)
    inputs, labels = everything(source)
    np.testing.assert_array_equal(inputs, X[:, 0])
    assert (labels.tolist(), source.label_names) == (Y.tolist(), ["p", "q", "r", "s", "t"])


def test_the_same_set_is_not_written_again(own_cache, monkeypatch):
    rows = Rows()
    arguments = SETS["rows"][1] | {"memory_budget": 10.0, "verbose": 0}
    first = tt.data.read(rows, **arguments)
    (folder,) = (own_cache / "examples").iterdir()
    written = {file.name: file.stat().st_mtime_ns for file in folder.iterdir()}
    second = tt.data.read(rows, **arguments)
    assert {file.name: file.stat().st_mtime_ns for file in folder.iterdir()} == written
    np.testing.assert_array_equal(everything(first)[0], everything(second)[0])


class Killed(Exception):
    pass


def killed(after):
    for i, batch in enumerate(generator()):
        if i == after:
            raise Killed
        yield batch


def test_a_reading_that_was_killed_goes_on(own_cache, monkeypatch):
    monkeypatch.setattr(spool, "_PART_BYTES", 400)
    with pytest.raises(Killed):
        tt.data.read(killed(4), memory_budget=10.0, verbose=0)
    (folder,) = (own_cache / "examples").iterdir()
    before = sorted(folder.glob("part-*"))
    times = [file.stat().st_mtime_ns for file in before]
    source = tt.data.read(generator(), memory_budget=10.0, verbose=0)
    assert [file.stat().st_mtime_ns for file in before] == times
    for ours, expected in zip(everything(source), (X, Y, W)):
        np.testing.assert_array_equal(ours, expected)


def test_a_file_that_was_cut_short_is_written_again(own_cache):
    tt.data.read(generator(), memory_budget=10.0, verbose=0)
    (file,) = (own_cache / "examples").glob("*/part-*")
    file.write_bytes(file.read_bytes()[:-100])
    source = tt.data.read(generator(), memory_budget=10.0, verbose=0)
    np.testing.assert_array_equal(everything(source)[0], X)


def test_a_changed_byte_is_noticed(own_cache):
    source = tt.data.read(generator(), memory_budget=10.0, verbose=0)
    (file,) = (own_cache / "examples").glob("*/part-*")
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    with pytest.raises(tf.errors.DataLossError, match=r"is damaged \(.*hash mismatch.* remove it"):
        everything(source)


def test_the_trainer_takes_a_data_set_as_keras_does():
    weights = []
    for fit in ("ours", "keras"):
        keras.utils.set_random_seed(0)
        model = keras.Sequential([keras.Input((3, 2)), keras.layers.Flatten(), keras.layers.Dense(5)])
        model.compile(
            keras.optimizers.SGD(0.1), keras.losses.SparseCategoricalCrossentropy(from_logits=True), jit_compile=False
        )
        dataset = tf.data.Dataset.from_tensor_slices((X, Y, W)).batch(50)
        if fit == "ours":
            tt.Trainer(model, batch_size=50).fit(dataset, epochs=3, validation=dataset, verbose=0)
        else:
            model.fit(dataset, epochs=3, verbose=0)
        weights.append(model.get_weights())
    for ours, theirs in zip(*weights):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


@pytest.mark.parametrize(
    ("make", "arguments", "sentence"),
    [
        (SETS["endless"][0], {}, r"has no end: say how many of its elements to read, steps=1000"),
        (SETS["batched alike"][0], {}, r"has 10 numbers along the first axis .* batched=True"),
        (Rows, {"inputs": "imgae"}, "there is no column called 'imgae'; did you mean 'image'"),
        (Rows, {"labels": "label"}, "inputs are not: name all of them"),
        (generator, {"inputs": "a"}, r"the elements are no dicts but \(float32 \[8, 3, 2\]"),
        (lambda: iter([]), {}, "at least one example, not none"),
        (lambda: iter([(X, Y[:3])]), {}, "the arrays of a batch have different lengths"),
        (lambda: iter([(X, Y), (X[:, :2], Y)]), {}, r"the examples differ in shape"),
        (lambda: iter([(X, Y), (X[:, :2], Y)]), {"memory_budget": 1.0}, r"the examples differ in shape or dtype"),
        (Frame, {}, "say which columns of the DataFrame are inputs"),
        (Frame, {"inputs": "c"}, "there is no column called 'c'"),
    ],
)
def test_what_cannot_be_read_gets_a_sentence(make, arguments, sentence):
    with pytest.raises(RequestError, match=sentence):
        tt.data.read(make(), verbose=0, **arguments)
