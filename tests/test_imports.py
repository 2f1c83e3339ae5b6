"""What importing the package costs, and what its lazy names give."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

import tf_tricks as tt

HEAVY = "('tensorflow', 'keras', 'numpy', 'sklearn')"


def assert_light(program):
    check = f"import sys\n{program}\nassert not any(name in sys.modules for name in {HEAVY}), 'not light'"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    "program",
    [
        "import tf_tricks",
        "import tf_tricks; tf_tricks.RequestError, tf_tricks.RunError",
        "import tf_tricks.schedules; tf_tricks.schedules.get(0.1)(3.0)",
        "import tf_tricks.registry",
    ],
)
def test_an_import_without_tensorflow(program):
    assert_light(program)


@pytest.mark.parametrize("arguments", ["", "--help", "--version", "nothing"])
def test_the_command_line_without_tensorflow(arguments):
    assert_light(f"from tf_tricks import cli; cli.main({arguments.split()})")


def test_without_a_command_the_commands_are_listed():
    out = assert_light("from tf_tricks import cli; cli.main([])")
    assert all(f"  {command}" in out for command in ("train", "evaluate", "predict", "tricks"))


@pytest.mark.parametrize("command", ["train", "evaluate", "export", "predict", "search"])
def test_the_help_of_a_command_without_tensorflow(command):
    check = f"from tf_tricks import cli; cli.main([{command!r}, '--help'])\nassert 'tensorflow' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", f"import sys\n{check}"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "--workdir" in done.stdout


@pytest.mark.parametrize("name", tt.__all__)
def test_a_lazy_name(name):
    assert getattr(tt, name) is not None
    assert name in dir(tt)


def test_an_unknown_name():
    with pytest.raises(AttributeError, match="module 'tf_tricks' has no attribute 'optimisers'"):
        _ = tt.optimisers


@pytest.mark.slow
@pytest.mark.parametrize("imports", ["import keras, tf_tricks", "import tf_tricks, keras"])
def test_a_saved_model_loads_after_the_import(imports, tmp_path):

    blocks = {"stochastic_depth": 0.2, "squeeze_and_excite": 8, "blur_pool": True}
    model = tt.models.get({"name": "resnet", "depth": 8, **blocks}, input_shape=(8, 8, 3), num_outputs=10)
    model.save(tmp_path / "model.keras")
    program = f"{imports}\nassert keras.models.load_model('model.keras').output_shape == (None, 10)"
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


ROOT = Path(__file__).parents[1]
TEXTS = [*ROOT.glob("tf_tricks/**/*.py"), *ROOT.glob("docs/*.md"), *ROOT.glob("colab/*.ipynb"), ROOT / "README.md"]


@pytest.mark.parametrize("text", TEXTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_is_named_exists(text):
    for name in set(re.findall(r"\b(?:tt|tf_tricks)((?:\.[A-Za-z]\w*)+)", text.read_text())):
        found, parts = tt, name[1:].split(".")
        if parts[-1] in ("py", "md", "egg"):
            continue
        for part in parts:
            assert hasattr(found, part) or is_module(found, part), f"there is no tt{name}"
            found = getattr(found, part, None) or importlib.import_module(f"{found.__name__}.{part}")


def is_module(found, part):
    return hasattr(found, "__path__") and importlib.util.find_spec(f"{found.__name__}.{part}") is not None
