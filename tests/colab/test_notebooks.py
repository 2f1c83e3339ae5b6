"""The notebooks run from top to bottom, and hold nothing but their text and code."""

import json
import os
import shutil
import signal
import sysconfig
import venv
from pathlib import Path

import nbclient
import nbformat
import pytest
from jupyter_client.manager import AsyncKernelManager

ROOT = Path(__file__).parents[2]
COLAB = ROOT / "colab"
NAMES = ["quickstart", "tpu", "tpu_jax", "tricks_tour"]
SECONDS_A_CELL = 240


def read(name):
    return nbformat.read(COLAB / f"{name}.ipynb", as_version=nbformat.NO_CONVERT)


def new_runtime(folder):
    """The Python of an environment that has what this one has, but the package itself: as a runtime of Colab."""
    made = folder / "runtime"
    venv.create(made, with_pip=False, symlinks=True)
    (packages,) = made.glob("lib/python*/site-packages")
    # The path alone: that of the checkout, which an editable install adds in a .pth file of its own, is not read.
    (packages / "of_the_tests.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    return made / "bin" / "python"


@pytest.fixture(scope="module")
def runtime(tmp_path_factory):
    """A runtime into which the first notebook that is executed installs the package."""
    return new_runtime(tmp_path_factory.mktemp("shared"))


@pytest.fixture
def checkout(tmp_path):
    """A copy of what a checkout holds, to be installed from: pip builds in the folder that it is given."""
    copy = tmp_path / "checkout"
    copy.mkdir()
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    for name in ("configs", "tf_tricks", "colab"):
        shutil.copytree(ROOT / name, copy / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    return copy


@pytest.fixture
def executed(tmp_path, runtime, checkout, monkeypatch):
    """A function that executes a notebook in a folder of its own and returns what its cells printed.

    Its arguments are the notebook's name, pairs (old, new) of text in settings, the runtime and environment variables.
    """
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    for name in ("KERAS_BACKEND", "XLA_FLAGS", "TPU_NAME", "PYTHONPATH"):
        monkeypatch.delenv(name, raising=False)

    def call(name, settings=(), runtime=runtime, **environment):
        programs = [str(runtime.parent), sysconfig.get_path("scripts"), os.environ["PATH"]]
        monkeypatch.setenv("PATH", os.pathsep.join(programs))
        for key, value in environment.items():
            monkeypatch.setenv(key, value)
        notebook = read(name)
        for old, new in settings:
            (cell,) = [cell for cell in notebook.cells if old in cell.source]
            cell.source = cell.source.replace(old, new)
        manager = AsyncKernelManager()
        manager.kernel_spec.argv = [str(runtime), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        client = nbclient.NotebookClient(
            notebook, km=manager, timeout=SECONDS_A_CELL, resources={"metadata": {"path": checkout / "colab"}}
        )
        client.execute(cleanup_kc=True)  # the kernel would outlive the tests
        assert list(
            runtime.parents[1].glob("lib/python*/site-packages/tf_tricks/__init__.py")
        )  # and not the checkout's
        return {cell.id: printed(cell) for cell in notebook.cells if cell.cell_type == "code"}

    yield call
    for information in tmp_path.glob(".tensorboard-info/pid-*.info"):  # it outlives the kernel that has started it
        os.kill(json.loads(information.read_text())["pid"], signal.SIGTERM)


def printed(cell):
    """What a cell printed; a picture is its media type."""
    texts = [output.text if output.output_type == "stream" else " ".join(output.data) for output in cell.outputs]
    return "\n".join(texts)


def test_each_notebook_is_executed_here():
    assert sorted(path.stem for path in COLAB.iterdir() if path.suffix == ".ipynb") == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_there_is_no_output(name):
    notebook = read(name)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert cell.outputs == []
            assert cell.execution_count is None
        assert cell.metadata == {}


@pytest.mark.parametrize("name", NAMES)
def test_the_file_is_written_one_way(name):
    text = (COLAB / f"{name}.ipynb").read_text()
    assert text == json.dumps(json.loads(text), indent=1, ensure_ascii=False, sort_keys=True) + "\n"


@pytest.mark.parametrize("name", NAMES)
def test_it_opens_with_what_it_needs_and_how_long_it_takes(name):
    first = read(name).cells[0]
    assert first.cell_type == "markdown"
    assert first.source.startswith("# ")
    assert "**Needs:**" in first.source
    assert "**Takes:**" in first.source


@pytest.mark.parametrize("name", ["tpu_jax", "tricks_tour"])
def test_it_installs_the_package_as_the_quickstart_does(name):
    found, wanted = ({cell.id: cell.source for cell in read(one).cells}["install"] for one in (name, "quickstart"))
    assert found == wanted


SHORTER = [
    ("SEEDS = 3", "SEEDS = 1"),
    ("(400, 100) * 10", "(400, 100) * 2"),
    ("from_arrays(images, noisy_labels,", "from_arrays(images[:400], noisy_labels[:400],"),
    ("sizes = (16, 64, 256, 1024)", "sizes = (64, 1024)"),
    ('(64,) * 6, "batch_norm"', '(64,) * 2, "batch_norm"'),
    ("rates = (0.01, 0.03, 0.1, 0.3, 1.0)", "rates = (0.01, 1.0)"),
    ("numbers = (1, 7, 50)", "numbers = (1, 7)"),
    ("batch_size=b, **method(b)", "batch_size=b, epochs=1, **method(b)"),
    ("train(model, epochs=20)", "train(model, epochs=1)"),
    ("train(model, epochs=25,", "train(model, epochs=1,"),
    ("seed, epochs=40,", "seed, epochs=1,"),
    ("train(pretrained, epochs=15)", "train(pretrained, epochs=1)"),
    ("train(model, data, seed, epochs=20,", "train(model, data, seed, epochs=1,"),
    ("steps=60_000", "steps=6_000"),
    ("np.arange(0, 60_000, 100)", "np.arange(0, 6_000, 100)"),
]
"""What makes the tour's curves good to look at, and no other code run."""


@pytest.mark.slow
def test_tricks_tour(executed):
    cells = executed("tricks_tour", settings=SHORTER)
    sections = [name for name in cells if name not in ("install", "imports", "helpers")]
    assert len(sections) > 10
    assert all("image/png" in cells[name] for name in sections)


@pytest.mark.slow
def test_quickstart(executed):
    cells = executed("quickstart", settings=[("config.epochs = 0, 12", "config.epochs = 0, 2")])
    assert "see its curves: tensorboard --logdir" in cells["train"]
    assert "text/html" in cells["tensorboard"]
    assert "test loss" in cells["evaluate"]
    assert "359 images of uint8, values 0 to 16" in cells["use"]
    assert all("image/png" in cells[name] for name in ("curves", "doubt"))


@pytest.mark.slow
@pytest.mark.tpu_compiler
def test_tpu(executed, tmp_path):
    # Random bits take the TPU's compiler longer than all else.
    cells = executed("tpu", settings=[("dropout=0.2", "dropout=0.0")], runtime=new_runtime(tmp_path))
    assert "exit status 0" in cells["check"]
    assert "there is no TPU on this machine" in cells["train"]
    assert "nothing was trained" in cells["evaluate"]


@pytest.mark.slow
def test_tpu_jax(executed):
    small = "--config.epochs=1 --config.model=mlp --config.augment=None"
    cells = executed("tpu_jax", settings=[("--config.epochs=2", small)], JAX_PLATFORMS="cpu")
    assert "8 CPU replicas" in cells["trainer"]
    assert "by JAX" in cells["trainer"]
    assert "on jax: 8 ×" in cells["devices"]
    assert "on 8 devices, whole on each: True" in cells["where"]
    accuracy = float(cells["save"].split("test accuracy ")[1].split()[0])
    assert accuracy > 0.95
    assert "image/png" in cells["curves"]
