"""Tables: columns by name, what is missing named, and a model that takes raw rows."""

import keras
import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from support.batches import everything

import tf_tricks as tt
from tf_tricks import data, models
from tf_tricks.errors import RequestError

ROWS = 40
AGE = np.arange(ROWS) + 20
CITY = np.array(["Rome", "Bonn", "Oslo"])[np.arange(ROWS) % 3]
KIND = np.array(["no", "yes"])[(np.arange(ROWS) // 2) % 2]
PRICE = AGE * 1.5 + 0.25
CODE = np.arange(ROWS) % 4 + 7


def columns(**changes):
    all_columns = {"age": AGE, "city": CITY, "kind": KIND, "price": PRICE, "code": CODE}
    return {name: list(values) for name, values in (all_columns | changes).items()}


def write(path, **changes):
    table = pyarrow.table(columns(**changes))
    if path.suffix == ".parquet":
        pyarrow.parquet.write_table(table, path)
    else:
        between = "\t" if path.suffix == ".tsv" else ","
        rows = zip(
            *(["" if value is None else str(value) for value in column] for column in table.to_pydict().values())
        )
        path.write_text("\n".join(between.join(row) for row in [table.column_names, *rows]))
    return path


def get(path, target="kind", **arguments):
    return data.get({"name": "csv", "path": str(path), "target": target, **arguments})


@pytest.mark.parametrize("suffix", ["csv", "tsv", "parquet"])
def test_columns_are_inputs_by_their_names(tmp_path, suffix):
    splits = get(write(tmp_path / f"x.{suffix}"), validation_fraction=0, weight="code")
    inputs, labels, weights = everything(splits.train)
    assert inputs.keys() == {"age", "city", "price"}
    np.testing.assert_array_equal(inputs["age"], AGE[:, None].astype("float32"))
    assert [city.decode() for city in inputs["city"][:, 0]] == CITY.tolist()
    assert (labels.tolist(), splits.train.label_names) == ([0, 0, 1, 1] * 10, ["no", "yes"])
    np.testing.assert_array_equal(weights, CODE)


def test_statistics_are_those_of_the_training_rows(tmp_path):
    splits = get(write(tmp_path / "x.csv"), inputs=["age", "city"], validation_fraction=0.25, seed=3)
    inputs, _ = everything(splits.train)
    assert splits.train.num_examples == 30
    np.testing.assert_allclose(splits.mean["age"], [inputs["age"].mean()], rtol=1e-6)
    np.testing.assert_allclose(splits.variance["age"], [inputs["age"].var()], rtol=1e-5)
    assert splits.vocabulary == {"city": ["Bonn", "Oslo", "Rome"]}


def test_files_of_their_own(tmp_path):
    other = write(tmp_path / "other.csv", kind=["yes"] * ROWS)
    splits = get(write(tmp_path / "x.csv"), validation=str(other), test=str(other))
    assert [part.num_examples for part in (splits.train, splits.validation, splits.test)] == [40, 40, 40]
    assert set(everything(splits.test)[1].tolist()) == {1}


def test_real_numbers_are_values_and_several_targets_too(tmp_path):
    file = write(tmp_path / "x.csv")
    one, two = get(file, "price", validation_fraction=0), get(file, ["price", "age"], validation_fraction=0)
    np.testing.assert_allclose(everything(one.train)[1], PRICE)
    assert (one.train.labels.kind, two.train.num_outputs, two.train.input_shape) == (
        "values",
        2,
        {"city": (1,), "kind": (1,), "code": (1,)},
    )


def test_integers_are_what_the_task_says(tmp_path):
    file = write(tmp_path / "x.csv")
    classes = get(file, "code", task="classification", validation_fraction=0).train
    values = get(file, "code", task="regression", validation_fraction=0).train
    assert (classes.label_names, everything(classes)[1][:5].tolist()) == (["7", "8", "9", "10"], [0, 1, 2, 3, 0])
    assert everything(values)[1][:5].tolist() == [7, 8, 9, 10, 7]


def test_numbers_as_categories(tmp_path):
    splits = get(write(tmp_path / "x.csv"), categories=["code"], validation_fraction=0)
    assert splits.vocabulary["code"] == ["10", "7", "8", "9"]


def test_missing_values_are_filled_by_request(tmp_path):
    file = write(tmp_path / "x.csv", age=[None, *AGE[1:]], city=[None, *CITY[1:]])
    inputs, _ = everything(get(file, validation_fraction=0, fill={"age": 33, "city": "none"}).train)
    assert (inputs["age"][0, 0], inputs["city"][0, 0]) == (33.0, b"none")


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
@pytest.mark.parametrize("column", ["age", "city", "price"])
def test_a_missing_value_is_named(tmp_path, column, suffix):
    values = list(columns()[column])
    values[3] = values[7] = None
    with pytest.raises(RequestError, match=rf"the column '{column}' .* has no value in row 4.* and 1 more"):
        get(write(tmp_path / f"x.{suffix}", **{column: values}))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"target": "kin"}, "called 'kin'; did you mean 'kind'"),
        ({"inputs": ["aeg"]}, "called 'aeg'; did you mean 'age'"),
        ({"inputs": ["kind", "age"]}, "the column 'kind' cannot be an input and the target"),
        ({"target": "code"}, "say task='classification' or task='regression'"),
        ({"target": "city", "task": "regression"}, "which are classes, not values to regress"),
        ({"target": ["price", "city"]}, "the column 'city' of .* holds string, no numbers, such as 'Rome'"),
        ({"task": "clasification"}, "did you mean 'classification'"),
        ({"validation": "x.csv", "validation_fraction": 0.2}, "and a validation file cannot both be given"),
        ({"fill": {"age": "old"}}, None),
    ],
)
def test_unusable_arguments_get_a_sentence(tmp_path, arguments, sentence):
    file = write(tmp_path / "x.csv", age=[None, *AGE[1:]] if "fill" in arguments else AGE)
    with pytest.raises(RequestError, match=sentence or "fill has 'old' for the column 'age', which holds int64"):
        get(file, **arguments)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("a,b\n1,2,3\n", "cannot be read as a table"),
        ("a,a\n1,2\n", "has two columns called 'a'"),
        ("a,b\n", "has no rows"),
        ("", "cannot be read as a table"),
    ],
)
def test_an_unusable_file_gets_a_sentence(tmp_path, content, sentence):
    (tmp_path / "x.csv").write_text(content)
    with pytest.raises(RequestError, match=sentence):
        get(tmp_path / "x.csv", "a")


def test_a_missing_file_and_another_kind(tmp_path):
    with pytest.raises(RequestError, match="there is no table"):
        get(tmp_path / "x.csv")
    with pytest.raises(RequestError, match=r"must be a \.csv, \.tsv or \.parquet file"):
        get(tmp_path / "x.xlsx")


@pytest.mark.parametrize("embedding_size", [None, 2])
def test_the_perceptron_takes_raw_rows(tmp_path, embedding_size):
    splits = get(write(tmp_path / "x.csv"), validation_fraction=0)
    keras.utils.set_random_seed(0)
    model = models.get(
        {"name": "mlp", "hidden": [8], "embedding_size": embedding_size},
        input_shape=splits.train.input_shape,
        input_dtype=splits.train.input_dtype,
        num_outputs=2,
        mean=splits.mean,
        variance=splits.variance,
        vocabulary=splits.vocabulary,
    )
    tt.Trainer(model, batch_size=10).fit(splits.train, epochs=1, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    raw = {"age": AGE[:, None], "city": CITY[:, None], "price": PRICE[:, None], "code": CODE[:, None]}
    raw = {name: keras.ops.convert_to_tensor(value) for name, value in raw.items()}
    outputs = loaded.predict(raw, verbose=0, batch_size=ROWS)
    trained = everything(splits.train)[0]
    np.testing.assert_allclose(
        outputs, model({k: keras.ops.convert_to_tensor(v) for k, v in trained.items()}), atol=1e-6
    )
    width = {None: 4, 2: 2}[embedding_size]
    assert model.layers[-1].kernel.shape == (8, 2)
    first = next(layer for layer in model.layers if isinstance(layer, keras.layers.Dense))
    assert first.kernel.shape[0] == 3 + width
