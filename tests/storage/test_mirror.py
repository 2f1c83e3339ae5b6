"""Files that grow are written to a store as rarely as was promised."""

from types import SimpleNamespace

import pytest

from tf_tricks.storage import Mirror, mirror


@pytest.fixture
def clock(monkeypatch):
    """A clock that a test sets: `clock.now`."""
    clock = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(mirror, "time", SimpleNamespace(monotonic=lambda: clock.now))
    return clock


def test_a_quick_upload_comes_every_ten_seconds(clock):
    pace = mirror.Pace()
    clock.now += 9.9
    assert not pace.is_due()
    clock.now += 0.2
    assert pace.is_due()
    pace.note(began=clock.now - 0.1, size=1000)
    clock.now += 9.9
    assert not pace.is_due()


def test_a_slow_upload_takes_a_twentieth_of_the_time(clock):
    pace = mirror.Pace()
    pace.note(began=clock.now - 3.0, size=1000)
    clock.now += 59.9
    assert not pace.is_due()
    clock.now += 0.2
    assert pace.is_due()


def test_a_large_upload_takes_100_kb_a_second(clock):
    pace = mirror.Pace()
    pace.note(began=clock.now - 0.1, size=5_000_000)
    clock.now += 49.9
    assert not pace.is_due()
    clock.now += 0.2
    assert pace.is_due()


def test_what_has_grown_is_uploaded(memory, clock):
    mirrored = Mirror(memory / "log")
    (mirrored.local / "train").mkdir()
    (mirrored.local / "train" / "a").write_text("1")
    mirrored.upload(now=False)
    assert not (memory / "log").exists()
    clock.now += 11
    mirrored.upload(now=False)
    assert (memory / "log" / "train" / "a").read_text() == "1"
    (memory / "log" / "train" / "a").write_text("of somebody else")
    mirrored.upload()
    assert (memory / "log" / "train" / "a").read_text() == "of somebody else"
    (mirrored.local / "train" / "a").write_text("12")
    mirrored.upload()
    assert (memory / "log" / "train" / "a").read_text() == "12"
    mirrored.close()
    assert not mirrored.local.exists()


def test_a_folder_of_this_machine_is_written_as_it_is(tmp_path):
    mirrored = Mirror(tmp_path)
    assert mirrored.local == tmp_path
    mirrored.upload()
    mirrored.close()
    assert list(tmp_path.iterdir()) == []
