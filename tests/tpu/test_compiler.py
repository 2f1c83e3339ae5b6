"""What is asked of the TPU compiler and what it answers; what is said when it is not there or is another one."""

import configparser
import os
import pickle
import re
import subprocess
from pathlib import Path

import pytest
import tensorflow as tf

from tf_tricks.errors import RequestError
from tf_tricks.tpu import compiler, process
from tf_tricks.tpu.chips import CHIPS
from tf_tricks.tpu.collectives import collectives

ROOT = Path(__file__).parents[2]
SPEC = tf.TensorSpec([64, 128], tf.float32)


@tf.function(autograph=False, jit_compile=True)
def mean(x):
    return tf.reduce_mean(tf.matmul(x, x, transpose_b=True))


# Without the compiler


@pytest.mark.parametrize(
    ("hlo", "expected"),
    [
        ("%a = f32[8,2]{1,0} all-reduce(%b), to_apply=%add", {"all-reduce": (1, 64)}),
        ("%a = (f32[], bf16[3]{0}, /*index=2*/s8[4]) all-reduce(%b, %c)", {"all-reduce": (1, 14)}),
        ("%a = pred[8]{0:T(256)} all-reduce-start(%b)\n%c = pred[8] all-reduce-done(%a)", {"all-reduce": (1, 8)}),
        ("%a = f32[2] all-reduce(%b)\n%c = f32[3] all-reduce(%a)", {"all-reduce": (2, 20)}),
        (
            "%a = f32[2] all-gather(%b)\n%c = s64[3] reduce-scatter(%a)",
            {"all-gather": (1, 8), "reduce-scatter": (1, 24)},
        ),
        ("%a = f32[2] add(%all-reduce, %c)", {}),
        ("%a = f8e4m3fn[6] all-to-all(%b)", {"all-to-all": (1, 6)}),
    ],
)
def test_collectives(hlo, expected):
    assert collectives(hlo) == expected


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("v5e:3x3", r"^there is no TPU topology 'v5e:3x3'; for example v5e:2x2 \(.*3x3.*\)$"),
        (
            "v5e",
            "'v5e': after the colon stands how many chips there are in each direction, 256 at most, for example v5e",
        ),
        ("v5e:4", "'v5e:4': after the colon"),
        ("v5e:0x4", "'v5e:0x4': after the colon"),
        ("v5e:32x32", "'v5e:32x32': after the colon"),
        ("v5:2x2", r"^there is no TPU topology 'v5:2x2'; did you mean 'v5e:2x2'\? \(there are: v4:2x2x1, v5e:2x2"),
        ("", "there is no TPU topology ''"),
    ],
)
@pytest.mark.tpu_compiler
def test_an_unknown_topology(name, message):
    with pytest.raises(RequestError, match=message):
        compiler.topology(name)


@pytest.fixture
def changed_packages(monkeypatch, tmp_path):
    """Function that puts a module before the installed ones, for the compiler's process."""

    def put(name, source):
        (tmp_path / f"{name}.py").write_text(source)
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    return put


@pytest.mark.parametrize("missing", ["libtpu", "jax"])
def test_without_the_compiler_the_sentence_says_what_to_install(changed_packages, missing):
    changed_packages("libtpu", "")  # so that it is there where the machine has none
    changed_packages(missing, f"raise ImportError('No module named {missing}')")
    with pytest.raises(
        RequestError,
        match=rf"^the TPU compiler is not installed \(No module named {missing}\): pip install -e '\.\[tpu-check\]'",
    ):
        compiler.topology("v5e:2x2")


def test_the_extra_pins_the_versions():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    lines = setup["options.extras_require"]["tpu-check"].split("\n")
    pinned = dict(re.match(r"(\w+)==([\d.]+)", line).groups() for line in lines if line)
    assert pinned == compiler.VERSIONS


def test_the_extra_for_jax_leaves_the_installed_one_alone():
    """A TPU's runtime has the jax and the libtpu that fit its driver: a lower bound only, and no libtpu."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    extras = setup["options.extras_require"]
    assert re.fullmatch(r"jax>=[\d.]+", extras["jax"].strip())
    assert not re.search(r"\b(jax|jaxlib|libtpu)\b", setup["options"]["install_requires"])


# With it


@pytest.mark.tpu_compiler
@pytest.mark.parametrize(
    ("name", "chips"),
    [
        *((chip.example, 4) for chip in CHIPS.values()),
        ("v5e:1x1", 1),
        ("v4:1x1x1", 1),
        ("v5e:1x2", 2),
        ("v5e:4x4", 16),
        ("v5litepod-8", 8),
    ],
)
def test_a_topology_has_a_device_for_each_chip(name, chips):
    assert len(compiler.topology(name).devices) == chips


@pytest.mark.tpu_compiler
def test_the_environment_is_left_as_it_was():
    before = dict(os.environ)
    compiler.topology("v5e:2x2")
    assert dict(os.environ) == before


@pytest.mark.tpu_compiler
@pytest.mark.parametrize("kind", list(CHIPS))
def test_usable_memory_is_nearly_all_of_a_chip(kind):
    usable = compiler.usable_memory(compiler.topology(CHIPS[kind].example))
    assert 0.95 < usable / CHIPS[kind].memory < 1.01


@pytest.mark.tpu_compiler
def test_the_batch_is_split_and_summed(v5e, one_v5e):
    one, four = (compiler.compile_function(mean, [SPEC], [0], chips) for chips in (one_v5e, v5e))
    assert four.argument_bytes == one.argument_bytes / 4 == 64 * 128
    assert one.all_reduces == 0


@pytest.mark.tpu_compiler
def test_what_is_not_split_is_on_every_chip(v5e):
    program = compiler.compile_function(mean, [SPEC], [None], v5e)
    assert program.argument_bytes == 4 * 64 * 128
    assert program.all_reduces == 0


@pytest.mark.tpu_compiler
def test_what_does_not_fit_needs_its_arguments_too(one_v5e):
    """An argument of 4 GiB and two arrays of 16 GiB, that to sort and that which is sorted."""

    @tf.function(autograph=False, jit_compile=True)
    def large(kept, x):
        return tf.reduce_sum(tf.sort(tf.sin(x[:, None] * x[None])) + tf.reduce_sum(kept))

    specs = [tf.TensorSpec([2**30], tf.float32), tf.TensorSpec([2**16], tf.float32)]
    with pytest.raises(compiler.OutOfMemory) as caught:
        compiler.compile_function(large, specs, [None, None], one_v5e)
    assert caught.value.needed == 36 * 2**30
    assert caught.value.available == 15.75 * 2**30


@pytest.mark.tpu_compiler
def test_private_names_that_have_moved(changed_packages, v5e):
    changed_packages("sitecustomize", "from jax._src.lib import xla_client\ndel xla_client.CompileOptions")
    message = (
        r"^private parts of jax are not where this package looks for them \(.*CompileOptions.*\): it is known to work "
        r"with jax \S+, jaxlib \S+, libtpu \S+, and there are jax \S+, jaxlib \S+, libtpu \S+; pip install -e"
    )
    with pytest.raises(RequestError, match=message):
        compiler.compile_function(mean, [SPEC], [0], v5e)


@pytest.mark.tpu_compiler
def test_a_compiler_that_ends_itself_is_a_refusal(one_v5e):
    """The compiler aborts at complex128, and the process that asks it goes on."""

    @tf.function(autograph=False, jit_compile=True)
    def twice(x):
        return tf.math.real(2 * tf.cast(x, tf.complex128))

    message = r"^the TPU compiler has ended itself \(SIGABRT\): Unsupported .* f32\[64,128\] to c128\[64,128\]$"
    with pytest.raises(compiler.NotCompilable, match=message):
        compiler.compile_function(twice, [SPEC], [None], one_v5e)


@pytest.mark.tpu_compiler
def test_nothing_is_printed(capfd, v5e):
    compiler.compile_function(mean, [SPEC], [0], v5e)
    assert capfd.readouterr() == ("", "")


@pytest.mark.tpu_compiler
def test_who_waits_long_is_told_so(monkeypatch, capfd, v5e):
    monkeypatch.setattr(compiler, "PATIENCE", 0.001)
    compiler.compile_function(mean, [SPEC], [0], v5e)
    assert re.match(r"v5e:2x2: compiling, 0 s so far\n", capfd.readouterr().err)


@pytest.fixture
def starts(monkeypatch):
    """List of what the compiler's processes are started with, one for each start."""
    start, started = subprocess.Popen, []
    monkeypatch.setattr(process.subprocess, "Popen", lambda *args, **kw: started.append(kw) or start(*args, **kw))
    monkeypatch.setattr(compiler, "_PROCESS", process.Process())
    return started


@pytest.mark.tpu_compiler
def test_one_process_answers_many_requests(starts):
    for name in ("v5e:2x2", "v4:1x1x1", "v5e:2x2"):
        compiler.topology(name)
    assert len(starts) == 1


@pytest.mark.tpu_compiler
@pytest.mark.parametrize("name", ["LIBTPU_INIT_ARGS", "PYTHONPATH"])
def test_what_is_read_at_the_start_starts_it_anew(starts, monkeypatch, name):
    compiler.topology("v5e:2x2")
    monkeypatch.setenv("SOMETHING_ELSE", "1")
    compiler.topology("v5e:2x2")
    assert len(starts) == 1
    monkeypatch.setenv(name, "")
    compiler.topology("v5e:2x2")
    assert len(starts) == 2


@pytest.mark.tpu_compiler
def test_a_process_that_has_died_in_the_meantime_is_replaced(starts):
    compiler.topology("v5e:2x2")
    compiler._PROCESS._process.kill()
    compiler._PROCESS._process.wait()
    assert compiler.topology("v5e:2x2").kind == "v5e"
    assert len(starts) == 2


@pytest.mark.tpu_compiler
def test_an_answer_that_nobody_waited_for_is_not_the_next_one(starts, monkeypatch):
    def interrupted(stream):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(process.pickle, "load", interrupted)
        with pytest.raises(KeyboardInterrupt):
            compiler.topology("v5e:2x2")
    assert len(compiler.topology("v4:1x1x1").devices) == 1


@pytest.mark.tpu_compiler
def test_an_answer_that_breaks_off_is_a_refusal(starts, monkeypatch):
    def killed_amid_the_answer(stream):
        compiler._PROCESS._process.kill()
        return pickle.loads(pickle.dumps(list(range(100)))[:50])

    monkeypatch.setattr(process.pickle, "load", killed_amid_the_answer)
    with pytest.raises(RequestError, match=r"the TPU compiler has ended itself \(SIGKILL, as where"):
        compiler.topology("v5e:2x2")


@pytest.mark.tpu_compiler
def test_a_fork_has_a_process_of_its_own(starts, monkeypatch):
    compiler.topology("v5e:2x2")
    of_the_parent = compiler._PROCESS._process
    monkeypatch.setattr(process.os, "getpid", lambda: -1)
    compiler.topology("v5e:2x2")
    assert len(starts) == 2
    assert of_the_parent.poll() is None
    of_the_parent.kill()
