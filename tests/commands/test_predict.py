"""`tf-tricks predict` writes what `keras.Model.predict` gives, for arrays, tables and pictures."""

import csv
import json
import shutil

import keras
import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from keras import layers
from PIL import Image
from support.sentences import TINY, assert_sentence, contents

import tf_tricks as tt

RNG = np.random.default_rng(0)
IMAGES, LABELS = tt.data.get("digits").test.fetch(np.arange(150), None)
IMAGES = np.asarray(IMAGES)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Where the module's one run of a config lies, once a test has needed it."""
    return tmp_path_factory.mktemp("finished") / "run"


@pytest.fixture
def run(finished, tf_tricks):
    if not finished.exists():
        model = "--config.model={'name':'mlp','hidden':[8],'dropout':0.3}"
        outcome = tf_tricks("train", *TINY, model, "--config.augment=flip", f"--workdir={finished}")
        assert outcome.status == 0, outcome.err
    return finished


def softmax(logits):
    return np.asarray(keras.ops.softmax(logits.astype("float64")))


def expected(run, images=IMAGES):
    return softmax(keras.models.load_model(run / "model.keras").predict(images, verbose=0))


def table_of(path):
    """A dict of each column's values, numbers as floats."""
    if path.suffix == ".parquet":
        return pyarrow.parquet.read_table(path).to_pydict()
    with path.open() as file:
        rows = list(csv.DictReader(file))
    return {name: [row[name] for row in rows] for name in rows[0]}


def probabilities_of(path, prefix="probability_"):
    columns = [values for name, values in table_of(path).items() if name.startswith(prefix)]
    return np.array(columns, dtype=object).T.astype("float64")


@pytest.fixture
def predicted(tf_tricks, run, tmp_path):
    """A function of the input, the output's name and more flags that returns the output's path."""

    def call(given, name="p.csv", *arguments, workdir=run, status=0):
        path = tmp_path / name
        where = (f"--workdir={workdir}", f"--input={given}", f"--output={path}")
        outcome = tf_tricks("predict", *where, *arguments)
        assert outcome.status == status, outcome.err
        assert [entry.name for entry in tmp_path.iterdir() if "partial" in entry.name] == []
        call.out, call.err = outcome.out, outcome.err
        return path

    return call


@pytest.fixture
def arrays(tmp_path):
    np.savez(tmp_path / "x.npz", x=IMAGES)
    return tmp_path / "x.npz"


@pytest.mark.parametrize("name", ["p.csv", "p.parquet"])
@pytest.mark.parametrize("size", [64, 150, 7])
def test_a_table_has_what_keras_predicts(predicted, run, arrays, name, size):
    path = predicted(arrays, name, f"--batch_size={size}")
    found, wanted = table_of(path), expected(run)
    np.testing.assert_allclose(probabilities_of(path), wanted, atol=1e-6)
    assert list(found) == ["key", "prediction", "probability", *(f"probability_{k}" for k in range(10))]
    assert list(map(int, found["key"])) == list(range(150))
    assert list(map(int, found["prediction"])) == wanted.argmax(axis=1).tolist()
    np.testing.assert_allclose(np.array(found["probability"], "float64"), wanted.max(axis=1), atol=1e-6)
    assert predicted.out == f"written: {path} (150 rows)\n"


def test_an_archive_has_arrays(predicted, run, arrays):
    found, wanted = np.load(predicted(arrays, "p.npz")), expected(run)
    np.testing.assert_allclose(found["probabilities"], wanted, atol=1e-6)
    np.testing.assert_array_equal(found["prediction"], wanted.argmax(axis=1))
    assert found["classes"].tolist() == [str(k) for k in range(10)]
    assert found["key"].tolist() == list(range(150))


def test_an_npy_gives_the_same(predicted, arrays, tmp_path):
    np.save(tmp_path / "x.npy", IMAGES)
    first = predicted(arrays).read_text()
    assert predicted(tmp_path / "x.npy", "q.csv").read_text() == first


def test_the_training_data_are_not_loaded(predicted, arrays, monkeypatch):
    monkeypatch.setattr(tt.data, "get", None)
    predicted(arrays)


# Pictures


@pytest.fixture
def pictures(tmp_path):
    """A folder of the first twelve digits as pictures of all kinds, one of them damaged."""
    folder = tmp_path / "pictures"
    kinds = [("png", "L"), ("jpg", "RGB"), ("gif", "P"), ("webp", "RGBA"), ("jpeg", "CMYK"), ("bmp", "L")]
    for i in range(12):
        suffix, mode = kinds[i % 6]
        place = folder / "more" if i % 2 else folder
        place.mkdir(parents=True, exist_ok=True)
        values = np.round(IMAGES[i, ..., 0] * (255 / 16)).astype("uint8")
        Image.fromarray(values).convert(mode).save(place / f"{i:02d}.{suffix}")
    (folder / "damaged.png").write_bytes((folder / "00.png").read_bytes()[:60])
    (folder / ".hidden.png").write_bytes(b"")
    (folder / "notes.txt").write_text("x")
    return folder


def test_a_folder_of_pictures(predicted, run, pictures):
    path = predicted(pictures, status=1)
    found, wanted = table_of(path), expected(run, IMAGES[:12])
    keys = [f"{i:02d}" for i in range(0, 12, 2)] + ["damaged"] + [f"more/{i:02d}" for i in range(1, 12, 2)]
    assert [key.rsplit(".", 1)[0] for key in found["key"]] == keys
    order = [*range(0, 12, 2), *range(1, 12, 2)]
    rows = [i for i, key in enumerate(keys) if key != "damaged"]
    found_rows = [[float(found[f"probability_{k}"][i]) for k in range(10)] for i in rows]
    np.testing.assert_allclose(found_rows, wanted[order], atol=0.05)  # JPEG and WebP lose a little
    png = [order.index(i) for i in (0, 6)]
    np.testing.assert_allclose(np.array(found_rows)[png], wanted[[0, 6]], atol=1e-6)


def test_a_damaged_picture_is_named_and_has_an_empty_row(predicted, pictures):
    found = table_of(predicted(pictures, status=1))
    row = found["key"].index("damaged.png")
    assert {values[row] for name, values in found.items() if name != "key"} == {""}
    assert f"damaged: {pictures / 'damaged.png'}: " in predicted.out
    assert "1 of 13 pictures cannot be read, their rows are empty" in predicted.err
    assert len(predicted.err.splitlines()) == 1


def test_a_damaged_picture_can_be_left_out(predicted, pictures):
    found = table_of(predicted(pictures, "p.parquet", "--skip_damaged", "--batch_size=1"))
    assert len(found["key"]) == 12
    assert "damaged.png" not in found["key"]
    assert f"damaged: {pictures / 'damaged.png'}: " in predicted.out


def test_what_was_done_to_the_pictures_is_said(predicted, pictures):
    predicted(pictures, "p.csv", "--skip_damaged")
    assert "pictures are stretched to 8 × 8, gray: the run's data say nothing of pictures" in predicted.out
    assert "their values, 0 to 255, are brought to 0 to 16, those of the training images" in predicted.out
    assert "passed over, no pictures: 1 file" in predicted.out


def test_a_single_picture(predicted, run, pictures):
    found = table_of(predicted(pictures / "00.png"))
    assert found["key"] == ["00.png"]
    assert int(found["prediction"][0]) == expected(run, IMAGES[:1]).argmax()


def test_nothing_but_damaged_pictures(predicted, tmp_path):
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "a.png").write_bytes(b"hello")
    found = table_of(predicted(tmp_path / "pictures", "p.parquet", status=1))
    assert (found["key"], found["prediction"]) == (["a.png"], [None])
    assert np.load(predicted(tmp_path / "pictures", "p.npz", status=1))["prediction"].tolist() == [-1]


# Several times


def test_test_time_augmentation_is_the_mean_over_the_runs_own(predicted, run, arrays):
    path = predicted(arrays, "p.csv", "--augment_times=3", "--batch_size=16")
    model, flip = keras.models.load_model(run / "model.keras"), tt.augment.get("flip")
    draws = []
    for time in range(3):
        positions = time * 2**32 + np.arange(150)
        images = flip(IMAGES, None, seed=0, positions=keras.ops.convert_to_tensor(positions))
        draws.append(softmax(model.predict(np.asarray(images), verbose=0)))
    mean = np.mean(draws, axis=0)
    np.testing.assert_allclose(probabilities_of(path), mean, atol=1e-6)
    np.testing.assert_allclose(probabilities_of(path, "deviation_"), np.std(draws, axis=0), atol=1e-6)
    entropies = -np.sum(mean * np.log(mean), axis=1)
    np.testing.assert_allclose(np.array(table_of(path)["entropy"], "float64"), entropies, rtol=1e-5)


def test_a_named_augmentation_gives_the_same_as_the_runs_own_if_it_is_the_same(predicted, arrays):
    first = predicted(arrays, "p.csv", "--augment_times=2").read_text()
    assert predicted(arrays, "q.csv", "--augment_times=2", "--augment=flip").read_text() == first
    other = predicted(arrays, "q.csv", "--augment_times=2", "--augment={'name':'pad_and_crop','pad':1}").read_text()
    assert other != first


def test_monte_carlo_dropout(predicted, run, arrays):
    path = predicted(arrays, "p.parquet", "--monte_carlo=200")
    again = predicted(arrays, "q.parquet", "--monte_carlo=200")
    assert table_of(path) == table_of(again)
    model = keras.Sequential([keras.models.load_model(run / "model.keras"), layers.Softmax()])
    mean, deviation = tt.layers.monte_carlo_predict(model, IMAGES, samples=200)
    np.testing.assert_allclose(probabilities_of(path), mean, atol=0.12)
    assert np.abs(probabilities_of(path) - mean).mean() < 0.01
    assert np.abs(probabilities_of(path, "deviation_") - deviation).mean() < 0.01


# Other models


X = RNG.normal(size=(40, 3)).astype("float32")


def trained(workdir, outputs, labels, loss, inputs=None, **arguments):
    """A run of Python with dense layers: dict of output to (size, activation)."""
    inputs = keras.Input((3,)) if inputs is None else inputs
    hidden = layers.Concatenate()(list(inputs.values())) if isinstance(inputs, dict) else inputs
    made = {name: layers.Dense(size, activation, name=name)(hidden) for name, (size, activation) in outputs.items()}
    model = keras.Model(inputs, made if len(made) > 1 else next(iter(made.values())))
    given = {name: X[:, [i]] for i, name in enumerate(sorted(inputs))} if isinstance(inputs, dict) else X
    source = tt.data.ArraySource(given, labels, **arguments)
    tt.Trainer(model, loss=loss, learning_rate=0.01).fit(source, 1, workdir=workdir, verbose=0)
    return model


def test_numbers(predicted, tmp_path):
    model = trained(tmp_path / "own", {"y": (1, None)}, X[:, :1], "mse")
    np.save(tmp_path / "x.npy", X)
    found = table_of(predicted(tmp_path / "x.npy", "p.parquet", workdir=tmp_path / "own"))
    assert list(found) == ["key", "prediction"]
    np.testing.assert_allclose(found["prediction"], model.predict(X, verbose=0)[:, 0], atol=1e-6)


def test_names_of_classes(predicted, tmp_path):
    labels = np.arange(40) % 2
    model = trained(tmp_path / "own", {"y": (1, "sigmoid")}, labels, "binary_crossentropy", label_names=["no", "yes"])
    np.save(tmp_path / "x.npy", X)
    found = table_of(predicted(tmp_path / "x.npy", "p.parquet", workdir=tmp_path / "own"))
    np.testing.assert_allclose(found["probability_yes"], model.predict(X, verbose=0)[:, 0], atol=1e-6)
    assert found["prediction"] == ["yes" if p > 0.5 else "no" for p in found["probability_yes"]]


def test_several_outputs_from_a_table_of_inputs(predicted, tmp_path):
    inputs = {name: keras.Input((1,), name=name) for name in ("age", "height", "weight")}
    labels = {"kind": np.arange(40) % 3, "price": X[:, :2]}
    loss = {"kind": "sparse_categorical_crossentropy", "price": "mse"}
    model = trained(tmp_path / "own", {"kind": (3, "softmax"), "price": (2, None)}, labels, loss, inputs)
    columns = {"name": ["x"] * 40, "weight": X[:, 2], "age": X[:, 0], "height": X[:, 1]}
    pyarrow.parquet.write_table(pa.table(columns), tmp_path / "x.parquet")
    found = table_of(predicted(tmp_path / "x.parquet", "p.parquet", workdir=tmp_path / "own"))
    wanted = model.predict({"age": X[:, :1], "height": X[:, 1:2], "weight": X[:, 2:]}, verbose=0)
    assert list(found) == [
        "key",
        *("kind_prediction", "kind_probability", "kind_probability_0", "kind_probability_1", "kind_probability_2"),
        *("price_prediction_0", "price_prediction_1"),
    ]
    np.testing.assert_allclose(found["kind_probability_1"], wanted["kind"][:, 1], atol=1e-6)
    np.testing.assert_allclose(found["price_prediction_1"], wanted["price"][:, 1], atol=1e-6)


def test_pixels_go_into_an_archive_only(predicted, refused, tmp_path):
    images, labels = RNG.random((6, 4, 4, 1)).astype("float32"), RNG.integers(0, 3, (6, 4, 4))
    model = keras.Sequential([keras.Input((4, 4, 1)), layers.Conv2D(3, 1)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    tt.Trainer(model, loss=loss, batch_size=6).fit((images, labels), 1, workdir=tmp_path / "own", verbose=0)
    np.save(tmp_path / "x.npy", images)
    arguments = (f"--workdir={tmp_path / 'own'}", f"--input={tmp_path / 'x.npy'}", f"--output={tmp_path / 'p.csv'}")
    refused(r"each of the 4 × 4 places of an example, which no row holds: write an \.npz", "predict", *arguments)
    found = np.load(predicted(tmp_path / "x.npy", "p.npz", workdir=tmp_path / "own"))
    np.testing.assert_allclose(found["probabilities"], softmax(model.predict(images, verbose=0)), atol=1e-6)


def test_what_is_not_finite_has_an_empty_row(predicted, tmp_path):
    trained(tmp_path / "own", {"y": (1, None)}, X[:, :1], "mse")
    large = X.copy()
    large[3] = 3e38
    np.save(tmp_path / "x.npy", large)
    model = keras.models.load_model(tmp_path / "own" / "model.keras")
    model.layers[-1].kernel.assign(np.full((3, 1), 1e10))
    model.save(tmp_path / "own" / "model.keras")
    found = table_of(predicted(tmp_path / "x.npy", "p.csv", workdir=tmp_path / "own", status=1))
    assert [row for row, value in enumerate(found["prediction"]) if value in ("", "inf")] == [3]
    assert "numbers that are not finite for 1 rows" in predicted.err


# Runs of earlier releases, which keep neither inputs nor outputs


@pytest.fixture
def earlier(run, tmp_path):
    """A copy of a run that does not keep what its outputs are."""

    def copy(run):
        shutil.copytree(run, tmp_path / "earlier")
        content = json.loads((tmp_path / "earlier" / "config.json").read_text())
        kept = {key: value for key, value in content.items() if key not in ("inputs", "outputs")}
        (tmp_path / "earlier" / "config.json").write_text(json.dumps(kept))
        return tmp_path / "earlier"

    return copy


def test_an_earlier_run_of_a_config_loads_its_data(predicted, earlier, run, arrays):
    first = predicted(arrays).read_text()
    assert predicted(arrays, "q.csv", workdir=earlier(run)).read_text() == first
    assert "does not keep what its outputs are, as those of earlier releases: its data are loaded" in predicted.out


def test_an_earlier_run_of_python_knows_its_loss(predicted, earlier, tmp_path):
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model = trained(tmp_path / "own", {"y": (3, None)}, np.arange(40) % 3, loss)
    np.save(tmp_path / "x.npy", X)
    path = predicted(tmp_path / "x.npy", workdir=earlier(tmp_path / "own"))
    np.testing.assert_allclose(probabilities_of(path), softmax(model.predict(X, verbose=0)), atol=1e-6)


# What cannot be meant


@pytest.mark.parametrize(
    ("arguments", "pattern"),
    [
        (["--workdir="], "say which run: --workdir=runs/NAME"),
        (["--input="], "say what to predict: --input=FOLDER or --input=FILE"),
        (["--output="], r"say where to write the predictions: --output=predictions\.csv"),
        (["--output=@/p.xlsx"], r"must be a \.csv or a \.parquet or a \.npz file, not '\S+/p.xlsx'"),
        (["--output=@/nowhere/p.csv"], r"there is no folder '\S+/nowhere' to write p.csv in"),
        (["--output=@/x.npz"], "is the input: choose another file"),
        (["--output=/proc/p.csv"], "cannot be written to /proc/p.csv"),
        (["--input=@/y.npz"], r"there is no file or folder '\S+/y.npz' to predict"),
        (["--batch_size=0"], "batch_size must be an integer at least 1, not 0"),
        (["--monte_carlo=0"], "monte_carlo must be an integer at least 1, not 0"),
        (["--monte_carlo=2", "--augment_times=2"], "two ways to predict several times: leave one out"),
        (["--augment=flip"], "--augment=flip needs --augment_times"),
        (["--augment=flp", "--augment_times=2"], "no augmentation 'flp'; did you mean 'flip'"),
        (["--augment=mixup", "--augment_times=2"], "Mixup mixes examples, .* such as --augment=flip"),
        (["--augment={'name'", "--augment_times=2"], "cannot be read: say a name, or {'name': 'flip'}"),
        (["--device=cpuu"], "no device 'cpuu'; did you mean 'cpu'"),
    ],
)
def test_a_flag_that_cannot_be_meant(refused, run, arrays, tmp_path, arguments, pattern):
    given = {"--workdir": run, "--input": arrays, "--output": tmp_path / "p.csv"}
    given |= dict(argument.replace("@", str(tmp_path)).split("=", 1) for argument in arguments)
    refused(pattern, "predict", *[f"{flag}={value}" for flag, value in given.items()])


def test_a_run_without_dropout_or_augmentation(refused, tmp_path):
    trained(tmp_path / "own", {"y": (1, None)}, X[:, :1], "mse")
    np.save(tmp_path / "x.npy", X)
    where = (f"--workdir={tmp_path / 'own'}", f"--input={tmp_path / 'x.npy'}", f"--output={tmp_path / 'p.csv'}")
    refused("has no layer that drops, so there is nothing to sample", "predict", *where, "--monte_carlo=3")
    refused(r"augmentations change images, and the inputs of the run are \[3\]", "predict", *where, "--augment_times=3")


def test_a_run_that_is_not_finished(refused, run, arrays, tmp_path):
    shutil.copytree(run, tmp_path / "run")
    (tmp_path / "run" / "model.keras").unlink()
    where = (f"--workdir={tmp_path / 'run'}", f"--input={arrays}", f"--output={tmp_path / 'p.csv'}")
    refused(r"is not finished: it has no model\.keras yet", "predict", *where)


def test_a_full_disk(tf_tricks, run, arrays, tmp_path):
    (tmp_path / ".p.csv.partial").symlink_to("/dev/full")
    where = (f"--workdir={run}", f"--input={arrays}", f"--output={tmp_path / 'p.csv'}")
    assert_sentence(tf_tricks("predict", *where), 1, "the predictions cannot be written to .*: No space left on device")
    assert set(contents(tmp_path)) == {arrays}
