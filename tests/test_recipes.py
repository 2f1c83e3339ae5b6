"""The recipes of docs/recipes.md train, each on files as it asks for, and their models predict."""

import json
import os
import re
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image
from support.forked import Forked

from tf_tricks import cli

TEXT = (Path(__file__).parents[1] / "docs" / "recipes.md").read_text()
RECIPES = {name: code for name, code in re.findall(r"```python\n# (\w+)\.py\n(.*?)```", TEXT, re.DOTALL)}
RNG = np.random.default_rng(0)


def pets(folder):
    for i in range(40):
        place = folder / "pets" / ("cat" if i % 2 else "dog")
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(RNG.integers(0, 256, (40, 50, 3), "uint8")).save(place / f"{i}.jpg")
    smaller = ["--config.model.alpha=0.35", "--config.model.minimalistic=True"]
    return ["--config.epochs=1", "--config.data.image_size=32", *smaller]


def customers(folder):
    rows = [
        f"{'' if i == 7 else 20 + i % 50},{'Rome' if i % 3 else 'Oslo'},{'yes' if i % 50 > 25 else 'no'}"
        for i in range(200)
    ]
    (folder / "customers.csv").write_text("\n".join(["age,city,bought", *rows]))
    return []


def tagger(folder):
    tokens = RNG.integers(1, 50, (200, 8))
    tokens[np.arange(8) >= RNG.integers(3, 9, (200, 1))] = 0
    np.savez(folder / "sentences.npz", tokens=tokens, tags=tokens % 4)
    return []


def pairs(folder):
    a, b = RNG.normal(size=(200, 4)), RNG.normal(size=(200, 2))
    np.savez(folder / "pairs.npz", a=a, b=b, kinds=np.argmax(a[:, :3], axis=1), sizes=b.sum(axis=1))
    return []


def train(folder, name, overrides):
    os.chdir(folder)
    os.environ["TF_TRICKS_CACHE"] = str(folder / "cache")
    return cli.main(["train", f"--config={name}.py", "--workdir=run", *overrides])


def last(folder, split):
    lines = [json.loads(line) for line in (folder / "run" / "metrics.jsonl").read_text().splitlines()]
    return [line for line in lines if line["split"] == split][-1]


@pytest.mark.slow
@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_trains(name, tmp_path):
    assert RECIPES[name].count("\n", RECIPES[name].index("def get_config")) <= 15
    (tmp_path / f"{name}.py").write_text(RECIPES[name])
    overrides = globals()[name](tmp_path)
    process = Forked(train, (tmp_path, name, overrides), tmp_path / "printed.txt")
    printed = process.join()
    assert process.status == 0, printed
    model = keras.models.load_model(tmp_path / "run" / "model.keras")
    results = last(tmp_path, "validation")
    if name == "customers":
        rows = {"age": np.array([[22.0], [60.0]]), "city": np.array([["Rome"], ["Paris"]], object)}
        logits = model({key: keras.ops.convert_to_tensor(value) for key, value in rows.items()})
        assert np.argmax(logits, axis=1).tolist() == [0, 1]
    elif name == "tagger":
        assert results["accuracy"] > 0.9
        tokens = np.load(tmp_path / "sentences.npz")["tokens"]
        found = np.argmax(model.predict(tokens, verbose=0), axis=-1)
        assert (found == tokens % 4)[tokens > 0].mean() == pytest.approx(last(tmp_path, "train")["accuracy"], abs=0.1)
    elif name == "pairs":
        assert results["size_loss"] < 1.5
    else:
        assert model.predict(np.zeros((1, 32, 32, 3), "uint8"), verbose=0).shape == (1, 2)


def test_there_are_four():
    assert list(RECIPES) == ["pets", "customers", "tagger", "pairs"]
