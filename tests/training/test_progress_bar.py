"""The progress is a bar where a line can be written over, and a line now and then where it cannot."""

import sys
import types

import pytest

from tf_tricks.training import progress_bar


def shown(capsys, verbose=1):
    progress = progress_bar.progress_of(8, 0, 1.5, verbose)
    progress.advance(0, 4, 0.5)
    progress.epoch_line(0, {"loss": 0.5, "val_loss": 0.25})
    progress.close()
    return capsys.readouterr()


@pytest.fixture
def clock(monkeypatch):
    """Seconds that pass from call to call."""
    now = [100.0]
    monkeypatch.setattr(progress_bar.time, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def notebook(monkeypatch):
    ipython = types.SimpleNamespace(get_ipython=lambda: types.SimpleNamespace(kernel="a kernel"))
    monkeypatch.setitem(sys.modules, "IPython", ipython)


def test_an_epoch_is_one_line_in_a_file(capsys):
    assert shown(capsys) == ("epoch 1/2  loss 0.5  val_loss 0.25\n", "")


def test_nothing_is_shown_when_nothing_is_asked_for(capsys):
    assert shown(capsys, verbose=0) == ("", "")


def test_a_terminal_has_a_bar(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    out, err = shown(capsys)
    assert "4.00/8.00" in err
    assert "loss 0.5000" in err
    assert "epoch 1/2  loss 0.5  val_loss 0.25\n" in out


def width_asked_for(monkeypatch):
    asked = []
    monkeypatch.setattr(progress_bar.tqdm, "tqdm", lambda **arguments: asked.append(arguments))
    progress_bar.ProgressBar(8, 0, 2)
    return asked[0]["dynamic_ncols"], asked[0]["ncols"]


def test_the_bar_follows_the_width_of_the_terminal(monkeypatch):
    assert width_asked_for(monkeypatch) == (True, None)


def test_a_notebook_has_no_width_to_follow(monkeypatch, notebook):
    assert width_asked_for(monkeypatch) == (False, 100)


def test_a_notebook_has_a_bar_among_its_output(capsys, notebook):
    out, err = shown(capsys)
    assert "4.00/8.00" in out
    assert "epoch 1/2  loss 0.5  val_loss 0.25\n" in out
    assert err == ""


def test_python_without_a_kernel_is_no_notebook(monkeypatch):
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: None))
    assert not progress_bar.in_notebook()


def test_a_file_gets_a_line_every_so_many_seconds(capsys, clock):
    progress = progress_bar.progress_of(1000, 200, 4)  # resumed
    for _ in range(4):
        clock[0] += 10
        progress.advance(1, 60, 0.5)
    # After 30 s, 180 of 800 examples: 6 a second, 620 are left
    assert capsys.readouterr().out == "epoch 2/4  38% done, 01:43 left  loss 0.5000  6 ex/s\n"


def test_what_has_no_epochs_gets_lines_in_a_file(capsys, clock):
    with progress_bar.Counting(1000) as progress:
        for seconds in (10, 15, 10, 40):
            clock[0] += seconds
            progress.advance(100)
    assert capsys.readouterr().out.splitlines() == [
        "30% done, 01:21 left  9 ex/s",
        "40% done, 01:52 left  5 ex/s",
    ]


def test_what_has_no_epochs_has_a_bar_on_a_terminal(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with progress_bar.Counting(10) as progress:
        progress.advance(10)
    shown = capsys.readouterr()
    assert "/10.0" in shown.err
    assert shown.out == ""
