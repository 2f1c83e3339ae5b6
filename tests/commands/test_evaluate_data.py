"""`tf-tricks evaluate --data=…` of pictures and tables gives what the run's own parts of the same examples give."""

import json
import shutil

import keras
import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
from PIL import Image
from sklearn.metrics import f1_score
from support.sentences import assert_sentence

import tf_tricks as tt

RNG = np.random.default_rng(0)
CLASSES = ("cat", "cow", "dog")
TINY = ("--config=configs/digits.py", "--config.epochs=1", "--config.batch_size=8")
MLP = "--config.model={'name':'mlp','hidden':[8]}"


def save(path, number, size=(14, 10)):
    """A picture whose class its colour shows, with noise, so that some are mistaken."""
    values = RNG.integers(0, 120, (*size[::-1], 3))
    values[..., number] += RNG.integers(0, 136)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values.astype("uint8")).save(path)


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """Where the module's data and runs lie."""
    folder = tmp_path_factory.mktemp("kept")
    for part, number in (("train", 36), ("validation", 15)):
        for i in range(number):
            save(folder / "pets" / part / CLASSES[i % 3] / f"{i:02}.{('png', 'jpg')[i % 2]}", i % 3)
    return folder


@pytest.fixture(autouse=True)
def own_cache(kept, monkeypatch):
    monkeypatch.setenv("TF_TRICKS_CACHE", str(kept / "cache"))


@pytest.fixture
def pets(kept, tf_tricks):
    """A run on pictures: with another size, another way to it and other channels than what is assumed."""
    if not (kept / "run").exists():
        data = {"name": "folder", "path": str(kept / "pets"), "image_size": (6, 7), "resize": "crop"}
        outcome = tf_tricks("train", *TINY, MLP, f"--config.data={data}", f"--workdir={kept / 'run'}")
        assert outcome.status == 0, outcome.err
    return kept / "run"


@pytest.fixture
def evaluated(tf_tricks, tmp_path):
    """A function of a run, data and flags that returns report.json, and what was printed as `out`."""

    def call(run, data, *flags):
        arguments = (f"--workdir={run}", f"--data={data}", f"--report={tmp_path / 'report'}", *flags)
        outcome = tf_tricks("evaluate", *arguments)
        assert (outcome.status, outcome.err) == (0, ""), outcome.err
        call.out = outcome.out
        return json.loads((tmp_path / "report" / "report.json").read_text())

    return call


@pytest.fixture
def whole(kept, evaluated, pets):
    """The report on all pictures of the validation, and what was printed; the first test that needs it makes it."""
    if not (kept / "whole.json").exists():
        (kept / "whole.json").write_text(json.dumps(evaluated(pets, kept / "pets" / "validation")))
        (kept / "whole.txt").write_text(evaluated.out)
    return json.loads((kept / "whole.json").read_text()), (kept / "whole.txt").read_text()


def own(run, split="validation"):
    """The run's own last results of a part."""
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [line for line in lines if line["split"] == split][-1]


def assert_same_results(found, wanted):
    for name, value in found["results"].items():
        assert value == pytest.approx(wanted[name], abs=1e-6), name


# Pictures


def test_a_folder_of_the_validation_pictures(whole, pets):
    found, printed = whole
    assert_same_results(found, own(pets))
    assert (found["examples"], list(found["classes"])) == (15, list(CLASSES))
    assert printed.startswith(f"data loss {found['results']['loss']:.4f}  data accuracy ")


def test_classes_are_matched_by_their_names(evaluated, whole, pets, kept, tmp_path):
    for name in ("dog", "cow"):
        shutil.copytree(kept / "pets" / "validation" / name, tmp_path / "some" / name)
    shutil.copytree(tmp_path / "some" / "cow", tmp_path / "some" / "dog" / "more")  # deeper ones are dogs, too
    found = evaluated(pets, tmp_path / "some")
    assert [found["classes"][name]["support"] for name in CLASSES] == [0, 5, 10]
    confusion = np.array(whole[0]["confusion"])
    assert found["confusion"][1:] == [confusion[1].tolist(), (confusion[1] + confusion[2]).tolist()]


def test_other_metrics_of_a_folder(evaluated, pets, kept):
    found = evaluated(pets, kept / "pets" / "validation", "--metrics=accuracy,f1_score")
    matrix = np.array(found["confusion"])
    labels, guesses = (np.repeat(axis, matrix.ravel()) for axis in np.indices(matrix.shape).reshape(2, -1))
    each = f1_score(labels, guesses, labels=range(3), average=None, zero_division=0)
    for k, value in enumerate(each):
        assert found["results"][f"f1_score/{k}"] == pytest.approx(value, abs=1e-6)


def test_values_come_to_the_range_of_the_training_images(evaluated, tmp_path):
    images = RNG.integers(0, 256, (30, 6, 6, 3), "uint8")
    labels = np.arange(30) % 3
    for i, image in enumerate(images):
        path = tmp_path / "pictures" / CLASSES[labels[i]] / f"{i:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path)
    model = keras.Sequential([keras.Input((6, 6, 3)), keras.layers.Flatten(), keras.layers.Dense(3)])
    trainer = tt.Trainer(model, metrics=["accuracy"], learning_rate=0.1, batch_size=10)
    source = tt.data.ArraySource(images / np.float32(255), labels, label_names=CLASSES)
    trainer.fit(source, 1, workdir=tmp_path / "run", verbose=0)
    wanted = trainer.evaluate(source)
    assert_same_results(evaluated(tmp_path / "run", tmp_path / "pictures"), wanted)
    assert "pictures are stretched to 6 × 6, colors: the run's data say nothing of pictures\n" in evaluated.out
    assert "their values, 0 to 255, are brought to 0 to 1" in evaluated.out


def loose(folder):
    save(folder / "1.png", 0)


def unknown(folder):
    save(folder / "cat" / "1.png", 0)
    save(folder / "dgo" / "1.png", 0)


def damaged(folder):
    save(folder / "cat" / "1.png", 0)
    (folder / "cat" / "2.png").write_bytes((folder / "cat" / "1.png").read_bytes()[:60])


@pytest.mark.parametrize(
    ("make", "pattern"),
    [
        (lambda folder: None, r"there is no file or folder '\S+/given' to evaluate on"),
        (lambda folder: folder.mkdir(), r"there are no pictures \(JPEG, PNG, GIF, BMP, WebP\) in '\S+/given'"),
        (lambda folder: folder.write_text("x"), r"must be a folder of pictures, .* or a file \.npz, \.csv, \.tsv or"),
        (loose, r"the picture 1\.png in '\S+/given' is in no sub-folder of a class"),
        (unknown, r"no class of the run for the sub-folder .*called 'dgo'; did you mean 'dog'\?"),
        (damaged, r"given' has 1 damaged picture: cat/2\.png \(.*\); mend or remove them"),
    ],
)
def test_pictures_that_cannot_be_evaluated(refused, pets, tmp_path, make, pattern):
    make(tmp_path / "given")
    refused(pattern, "evaluate", f"--workdir={pets}", f"--data={tmp_path / 'given'}")


@pytest.mark.parametrize(
    ("which", "status", "pattern"),
    [
        (1, 2, r"the data to evaluate cannot be read: \S+/given/cat/1\.png: "),
        (3, 1, r"the evaluation data cannot be read any more: \S+/given/cat/3\.png: "),
        (9, 1, r"the evaluation data cannot be read any more: \S+/given/cat/9\.png: "),
    ],
)
def test_a_picture_that_is_damaged_in_the_middle(tf_tricks, pets, tmp_path, which, status, pattern):
    for i in range(10):
        save(tmp_path / "given" / "cat" / f"{i}.png", 0, size=(60, 60))
    place = tmp_path / "given" / "cat" / f"{which}.png"
    content = bytearray(place.read_bytes())
    content[200:400] = bytes(200)
    place.write_bytes(bytes(content))
    outcome = tf_tricks("evaluate", f"--workdir={pets}", f"--data={tmp_path / 'given'}")
    assert_sentence(outcome, status, pattern)


def test_a_run_without_names_of_classes(refused, tmp_path):
    model = keras.Sequential([keras.Input((4, 4, 3)), keras.layers.Flatten(), keras.layers.Dense(1)])
    trainer = tt.Trainer(model, loss="mse", learning_rate=0.01, batch_size=4)
    trainer.fit((np.zeros((8, 4, 4, 3), "uint8"), np.arange(8) / 8), 1, workdir=tmp_path / "run", verbose=0)
    save(tmp_path / "given" / "cat" / "1.png", 0)
    refused("keeps no names of classes", "evaluate", f"--workdir={tmp_path / 'run'}", f"--data={tmp_path / 'given'}")


# Tables


def rows(number, **changes):
    age = RNG.integers(20, 70, number)
    city = np.array(["Rome", "Bonn", "Oslo", "Kyiv"])[RNG.integers(0, 4, number)]
    bought = np.where(age + 30 * (city == "Rome") + RNG.integers(0, 20, number) > 60, "yes", "no")
    given = {"age": [None, *age[1:].tolist()], "zip": RNG.integers(1, 4, number), "city": city, "bought": bought}
    return pa.table(given | {"count": RNG.uniform(0, 2, number), "price": age * 1.5 + 0.25} | changes)


def write(path, table):
    (pyarrow.parquet.write_table if path.suffix == ".parquet" else pyarrow.csv.write_csv)(table, path)
    return path


@pytest.fixture
def table_run(tf_tricks, kept):
    """A function of the target that trains on a table and returns the run and the rows of its validation."""

    def train(target):
        run = kept / f"run_{target}"
        if not run.exists():
            paths = [write(kept / f"{target}_{part}.parquet", rows(number)) for part, number in (("t", 80), ("v", 30))]
            data = {"name": "parquet", "path": str(paths[0]), "validation": str(paths[1]), "target": target}
            data |= {"inputs": ["age", "zip", "city"], "categories": ["zip"], "fill": {"age": 40}, "weight": "count"}
            flags = (f"--config.data={data}", "--config.augment=None", f"--workdir={run}")
            outcome = tf_tricks("train", *TINY, MLP, *flags)
            assert outcome.status == 0, outcome.err
        return run, pyarrow.parquet.read_table(kept / f"{target}_v.parquet")

    return train


@pytest.mark.parametrize(("target", "suffix"), [("bought", ".csv"), ("price", ".parquet")])
def test_a_table_of_the_validation_rows(evaluated, table_run, tmp_path, target, suffix):
    run, validation = table_run(target)
    found = evaluated(run, write(tmp_path / f"given{suffix}", validation))
    assert_same_results(found, own(run))
    assert (found["examples"], found["weighted"]) == (30, True)


def test_rows_of_a_single_class_have_the_runs_numbers(evaluated, table_run, tmp_path):
    run, validation = table_run("bought")
    path = write(tmp_path / "given.csv", validation.filter(pa.compute.equal(validation["bought"], "yes")))
    found = evaluated(run, path, "--metrics=accuracy")
    assert found["classes"]["no"]["support"] == 0
    assert found["classes"]["yes"]["support"] > 0


@pytest.mark.parametrize(
    ("change", "pattern"),
    [
        (lambda table: table.drop_columns("bought"), r"no column in '\S+/given\.csv' called 'bought' \(there are: age"),
        (lambda table: table.rename_columns({"age": "aeg"}), "called 'age'; did you mean 'aeg'"),
        (lambda table: table.drop_columns("count"), "called 'count'"),
        (lambda table: table.slice(0, 0), "has no rows"),
    ],
)
def test_tables_that_cannot_be_evaluated(refused, table_run, tmp_path, change, pattern):
    run, validation = table_run("bought")
    path = write(tmp_path / "given.csv", change(validation))
    refused(pattern, "evaluate", f"--workdir={run}", f"--data={path}")


def test_a_class_that_the_run_does_not_know(refused, table_run, tmp_path):
    run, _ = table_run("bought")
    path = write(tmp_path / "given.csv", rows(3, bought=["yes", "no", "yess"]))
    refused("for the label in the column 'bought' of .* 'yess'; did", "evaluate", f"--workdir={run}", f"--data={path}")


def test_a_table_for_a_run_on_pictures(refused, pets, tmp_path):
    path = write(tmp_path / "given.csv", rows(3))
    refused("was not trained on a table by its config", "evaluate", f"--workdir={pets}", f"--data={path}")
