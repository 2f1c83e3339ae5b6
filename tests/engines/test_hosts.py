"""Several processes give what one gives; they stop, fail and go on together."""

import signal
import threading

import numpy as np
import pytest
from support.hosts_of_a_run import free_port, lines, start

from tf_tricks.engines.channel import Channel
from tf_tricks.errors import RequestError, RunError
from tf_tricks.training import checkpoint

AGAIN = "start all of them again, and the run goes on from its last checkpoint"


def assert_same(one, other):
    for line, another in zip(lines(one), lines(other), strict=True):
        assert line.keys() == another.keys()
        for name, value in line.items():
            same = value == another[name] if isinstance(value, str) else abs(value - another[name]) <= 1e-5 * abs(value)
            assert same or abs(value - another[name]) < 1e-6, (name, line, another)
    arrays, values = checkpoint.load_newest(one / "checkpoints")
    others, other_values = checkpoint.load_newest(other / "checkpoints")
    for name in (name for name in arrays if "/replicas" not in name):
        np.testing.assert_allclose(others[name], arrays[name], rtol=1e-5, atol=1e-5, err_msg=name)
    assert values["progress"] == other_values["progress"]


@pytest.mark.slow
@pytest.mark.parametrize(("backend", "number"), [("tensorflow", 3), ("jax", 2)])
def test_processes_give_what_one_gives_though_stopped_and_killed(backend, number, tmp_path):
    [(status, errors, output)] = start(1, tmp_path / "one", backend)
    assert status == 0, errors

    several = tmp_path / "several"
    if backend == "tensorflow":  # the same on JAX
        ends = start(2, several, backend, {1: {"SIGNAL": f"{signal.SIGTERM} 1"}})
        assert [status for status, _, _ in ends] == 2 * [128 + signal.SIGTERM], ends
        sentences = {errors.strip().splitlines()[-1] for _, errors, _ in ends}
        assert len(sentences) == 1, sentences
        assert sentences.pop().startswith("program: stopped at step ")

    killed = start(number, several, backend, {number - 1: {"SIGNAL": f"{signal.SIGKILL} 2"}})
    assert [status for status, _, _ in killed] == [1] * (number - 1) + [-signal.SIGKILL], [
        errors for _, errors, _ in killed
    ]
    for _, errors, _ in killed[:-1]:
        assert f"program: process {number - 1} is lost; {AGAIN}\n" in errors
        assert "Traceback" not in errors
    forms = {path.is_dir() for path in checkpoint.checkpoints_in(several / "checkpoints")}
    assert forms == {backend == "jax"}  # which writes together

    finished = start(1, several, backend)
    assert finished[0][0] == 0, finished
    np.testing.assert_allclose(float(finished[0][2].split()[-1]), float(output.split()[-1]), rtol=1e-5)
    assert_same(tmp_path / "one", several)
    epochs = [row.split(",")[0] for row in (tmp_path / "several.csv").read_text().splitlines()]
    assert len(epochs) <= 6  # the chief alone has written, and one epoch again if its checkpoint was not whole yet
    assert list(dict.fromkeys(epochs)) == ["epoch", "0", "1", "2", "3"]


@pytest.mark.slow
def test_processes_that_differ_are_refused_on_every_process_before_they_write(tmp_path):
    def sentences(*arguments, **others):
        ends = start(2, tmp_path / "run", *arguments, **others)
        assert [status for status, _, _ in ends] == [2, 2], ends
        assert not (tmp_path / "run").exists()
        found = {errors.strip().splitlines()[-1] for _, errors, _ in ends}
        assert len(found) == 1, found
        return found.pop()

    assert "by its backend: jax there, tensorflow here" in sentences(["tensorflow", "jax"])
    assert "by its config (l2): 0.5 there, 0.001 here" in sentences("tensorflow", {1: {"L2": "0.5"}})
    assert "started for 3 processes, and process 0 for 2" in sentences("jax", flags={1: ["--num_processes=3"]})


def together(*calls):
    """What functions that wait for each other return or raise."""
    results = [None] * len(calls)

    def call(i):
        try:
            results[i] = calls[i]()
        except (RequestError, RunError) as error:
            results[i] = error

    threads = [threading.Thread(target=call, args=[i]) for i in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_texts_come_to_all_in_the_processes_order():
    address = ("127.0.0.1", free_port())
    channels = together(*[lambda i=i: Channel(address, 3, i, timeout=30) for i in range(3)])
    for turn in "ab":
        found = together(*[lambda i=i, turn=turn: channels[i].exchange(f"{turn}{i}") for i in range(3)])
        assert found == [[f"{turn}{i}" for i in range(3)]] * 3
    together(*[channel.leave for channel in channels])


def test_two_processes_with_the_same_number_are_refused():
    address = ("127.0.0.1", free_port())
    found = together(*[lambda i=i: Channel(address, 3, i, timeout=30) for i in (0, 1, 1)])
    assert [str(error) for error in found] == ["two processes were started as process 1"] * 3


def test_processes_that_do_not_come_are_named():
    address = ("127.0.0.1", free_port())
    with pytest.raises(RunError, match=r"^processes 1, 2 did not come within 0\.1 seconds$"):
        Channel(address, 3, 0, timeout=0.1)
    with pytest.raises(RunError, match=rf"^process 0 cannot be reached at 127\.0\.0\.1:{address[1]} within 0\.1 sec"):
        Channel(address, 3, 1, timeout=0.1)
