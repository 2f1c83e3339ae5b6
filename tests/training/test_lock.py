"""One process a folder."""

import subprocess
import sys

import pytest

from tf_tricks.errors import RequestError
from tf_tricks.training.lock import locked

HOLD = """
import sys
from tf_tricks.training.lock import locked
with locked(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def other(tmp_path):
    """Another process that holds the lock."""
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def try_to_hold(folder):
    command = [sys.executable, "-c", HOLD, str(folder)]
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)


def test_another_process_is_refused(other, tmp_path):
    with pytest.raises(RequestError, match="another process trains in"), locked(tmp_path):
        pass


def test_the_lock_goes_when_its_process_is_killed(other, tmp_path):
    other.kill()
    other.wait()
    with locked(tmp_path):
        pass


def test_the_lock_goes_at_the_end_of_the_context(tmp_path):
    with locked(tmp_path):
        pass
    assert try_to_hold(tmp_path).returncode == 0


def test_the_lock_holds_until_the_outer_context_ends(tmp_path):
    with locked(tmp_path):
        with locked(tmp_path):
            pass
        assert "another process trains in" in try_to_hold(tmp_path).stderr


def test_other_folders_are_free(other, tmp_path):
    (tmp_path / "inner").mkdir()
    with locked(tmp_path / "inner"):
        pass


def test_a_folder_that_is_not_there_has_no_lock(tmp_path):
    with locked(tmp_path / "none"):
        pass
    assert list(tmp_path.iterdir()) == []
