"""`tf-tricks tpu-check`: every config compiles, and a mistake is told in a sentence before anything is compiled."""

import json
import re
import subprocess
import sys

import pytest

compiles = pytest.mark.tpu_compiler
DIGITS = "--config=configs/digits.py"
SMALL = ("--config.model={'name':'mlp','hidden':[16]}", "--config.augment=None")


@compiles
def test_a_config_as_a_table_and_as_json(tf_tricks, tmp_path):
    path = tmp_path / "check.json"
    outcome = tf_tricks(
        "tpu-check", DIGITS, *SMALL, f"--output={path}", "--topology=v5e:2x2,v6e:2x2", "--topology=v4:2x2x1"
    )
    assert outcome.status == 0, outcome.err
    assert outcome.err == ""
    assert "v5e:2x2: compiling the step of a batch of 64, 16 a chip" in outcome.out
    assert re.search(r"^topology +v5e:2x2 +v6e:2x2 +v4:2x2x1$", outcome.out, re.MULTILINE)
    assert outcome.out.endswith(f"written: {path}\n")
    found = json.loads(path.read_text())
    assert found["passes"]
    assert [result["topology"] for result in found["results"]] == ["v5e:2x2", "v6e:2x2", "v4:2x2x1"]
    assert [entry.name for entry in tmp_path.iterdir()] == ["check.json"]


@compiles
def test_the_largest_batch_ends_at_the_training_set(tf_tricks):
    outcome = tf_tricks("tpu-check", DIGITS, *SMALL, "--find-batch", "--config.batch_size=1024")
    assert outcome.status == 0, outcome.err
    assert outcome.out.endswith("v5e:2x2: the largest batch that fits is 1280\n")  # of 1,294 examples


@compiles
def test_a_step_that_does_not_fit(tf_tricks, tmp_path):
    path = tmp_path / "check.json"
    outcome = tf_tricks(
        "tpu-check",
        "--config=configs/imagenet_resnet50.py",
        "--config.model={'name':'convnet','filters':[512]}",
        "--config.augment=None",
        "--config.batch_size=65536",
        f"--output={path}",
    )
    assert outcome.status == 1
    assert outcome.err == "tf-tricks tpu-check: the step does not compile and fit with a batch of 65536 on v5e:2x2\n"
    assert "how many examples imagenet2012 has is not known without them: 1,000,000 are assumed\n" in outcome.out
    assert "v5e:2x2, batch of 65536: the step does not fit: it needs " in outcome.out
    assert not json.loads(path.read_text())["passes"]


CONFIGS = {
    "digits.py": [],
    "regression.py": [],
    "fashion_mnist.py": ["model.filters=(16,32,32,32)", "batch_size=16"],
    "cifar10.py": ["model.depth=8", "batch_size=16", "epochs=1"],  # for the plan of all updates takes long, too
    "imagenet_resnet50.py": ["data.image_size=32", "batch_size.batch_size=8", "epochs=1"],
    "finetune.py": ["model={'name':'convnet','filters':[16,32]}"],  # there is no run to start from
}


@compiles
@pytest.mark.parametrize("config", CONFIGS)
def test_every_config_compiles(tf_tricks, config):
    outcome = tf_tricks(
        "tpu-check", f"--config=configs/{config}", *[f"--config.{override}" for override in CONFIGS[config]]
    )
    assert outcome.status == 0, outcome.err
    sizes = {"digits.py": "64", "regression.py": "64", "imagenet_resnet50.py": "32", "finetune.py": "32"}
    assert re.search(rf"^batch +{sizes.get(config, '16')}$", outcome.out, re.MULTILINE)


def test_every_config_is_tried(pytestconfig):
    assert {path.name for path in (pytestconfig.rootpath / "configs").glob("*.py")} == set(CONFIGS)


@compiles
def test_every_batch_size_of_the_schedule(tf_tricks):
    grow = "{'name':'grow','initial':64,'epochs':[1,2],'factor':2}"
    outcome = tf_tricks("tpu-check", DIGITS, *SMALL, f"--config.batch_size={grow}", "--config.epochs=3")
    assert outcome.status == 0, outcome.err
    assert re.search(r"^batch +64 +128 +256$", outcome.out, re.MULTILINE)


REFUSED = {
    (): "say whose step to compile: --config=configs/cifar10.py",
    ("--config=configs/digitz.py",): "no config file .* did you mean 'configs/digits.py'",
    (DIGITS, "--topology=v5:2x2"): "there is no TPU topology 'v5:2x2'; did you mean 'v5e:2x2'",
    (DIGITS, "--topology=v5e:2x2,v5e"): "there is no TPU topology 'v5e': after the colon",
    (DIGITS, "--topology="): "there is no TPU topology ''",
    (DIGITS, "--topology=v5e:3x3"): "there is no TPU topology 'v5e:3x3'",
    (DIGITS, "--topolgy=v5e:2x2"): "'topolgy'. Did you mean: topology",
    (DIGITS, "--output={}/check.txt"): r"the file of the results must be a \.json file, not '\S+/check.txt'",
    (DIGITS, "--output={}/nowhere/check.json"): r"there is no folder '\S+/nowhere' to write check.json in",
    (DIGITS, "--topology=v5e:4x8", "--config.batch_size=48"): "a batch of 48 cannot be split over 32 replicas",
    (DIGITS, "--config.batch_size=2000"): "a batch of 2000 is larger than the training set of 1294 examples",
    (DIGITS, "--config.model=cnvnet"): "'cnvnet'; did you mean 'convnet'",
    (DIGITS, "--config.data=cifar11"): "there is no data set 'cifar11'; did you mean 'cifar10_1'",
    (DIGITS, "--config.data={'name':'cifar10','imag_size':3}"): "'imag_size'; did you mean 'image_size'",
    (DIGITS, "--find-batch=maybe"): "--find-batch=maybe",
}


@compiles
@pytest.mark.parametrize("arguments", REFUSED, ids=" ".join)
def test_a_request_that_is_refused(tf_tricks, tmp_path, arguments):
    outcome = tf_tricks("tpu-check", *[argument.replace("{}", str(tmp_path)) for argument in arguments])
    assert outcome.status == 2
    assert len(outcome.err.splitlines()) == 1, outcome.err
    assert re.search(REFUSED[arguments], outcome.err), outcome.err
    assert "compiling" not in outcome.out
    assert list(tmp_path.iterdir()) == []


def test_without_the_compiler(tf_tricks, monkeypatch, tmp_path):
    (tmp_path / "libtpu.py").write_text("raise ImportError('No module named libtpu')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    outcome = tf_tricks("tpu-check", DIGITS)
    assert outcome.status == 2
    assert re.fullmatch(
        r"tf-tricks tpu-check: the TPU compiler is not installed \(.*\): pip install -e '\.\[tpu-check\]' "
        r"\(x86-64 Linux, CPython 3\.11 or newer\)\n",
        outcome.err,
    ), outcome.err


def test_its_help_needs_no_tensorflow():
    program = (
        "import sys\nfrom tf_tricks import cli\ncli.main(['tpu-check', '--help'])\n"
        "assert not {'tensorflow', 'jax'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert all(f"--{flag}" in done.stdout for flag in ("config", "topology", "output", "find-batch"))
