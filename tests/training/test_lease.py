"""One process a remote folder: a lease that is renewed, given back, taken over from the dead, told when lost."""

import json
import multiprocessing
import os
from types import SimpleNamespace

import pytest

from tf_tricks.errors import RequestError, RunError
from tf_tricks.training import lease
from tf_tricks.training.lease import Lease
from tf_tricks.training.lock import check_held, locked
from tf_tricks.training.workdir import writing


@pytest.fixture
def clock(monkeypatch):
    """A clock that goes on when somebody sleeps, and does `clock.meanwhile()` then."""
    clock = SimpleNamespace(now=1000.0, meanwhile=lambda: None)

    def sleep(seconds):
        clock.now += seconds
        clock.meanwhile()

    monkeypatch.setattr(lease, "time", SimpleNamespace(monotonic=lambda: clock.now, sleep=sleep))
    return clock


@pytest.fixture
def elsewhere(memory):
    """A lease that a process on another machine holds: it tells nothing of this machine."""
    place = memory / "r1" / ".lock" / "000001"
    place.write_text(json.dumps({"owner": "other", "host": "far", "pid": 7, "boot": "another", "since": 1, "beats": 0}))
    return place


def names(memory):
    return [path.name for path in (memory / "r1" / ".lock").glob("*")]


def test_it_is_given_back(memory):
    held = Lease(memory / "r1")
    assert names(memory) == ["000001"]
    held.check()
    held.close()
    assert names(memory) == []


def test_a_live_process_of_this_machine_is_told_at_once(memory):
    held = Lease(memory / "r1")
    with pytest.raises(
        RequestError, match=rf"another process, number {os.getpid()} on .*, trains in memory://bucket/r1"
    ):
        Lease(memory / "r1")
    held.close()


def test_a_dead_process_of_this_machine_leaves_it_at_once(memory, clock):
    process = multiprocessing.get_context("fork").Process(target=os._exit, args=(0,))
    process.start()
    started = lease._process(process.pid)
    process.join()
    content = {"owner": "dead", "host": "here", "pid": process.pid, **lease._process(os.getpid()), "since": 1}
    (memory / "r1" / ".lock" / "000004").write_text(json.dumps(content | started))
    held = Lease(memory / "r1")
    assert (names(memory), clock.now) == (["000005"], 1000.0)
    held.close()


def test_a_pid_that_came_again_is_another_process(memory, clock):
    content = {"owner": "dead", "host": "here", "pid": os.getpid(), **lease._process(os.getpid()), "since": 1}
    (memory / "r1" / ".lock" / "000001").write_text(json.dumps(content))
    Lease(memory / "r1").close()
    assert clock.now == 1000.0


def test_a_silent_process_of_another_machine_is_waited_for(memory, elsewhere, clock):
    held = Lease(memory / "r1")
    assert names(memory) == ["000002"]
    assert clock.now == 1000.0 + lease.LASTS
    held.close()


def test_a_process_of_another_machine_that_renews_is_alive(memory, elsewhere, clock):
    clock.meanwhile = lambda: elsewhere.write_text(elsewhere.read_text().replace('"beats": 0', '"beats": 1'))
    with pytest.raises(RequestError, match=r"another process, number 7 on far, trains in memory://bucket/r1"):
        Lease(memory / "r1")
    assert clock.now < 1000.0 + lease.RENEWED
    assert names(memory) == ["000001"]


def test_of_two_that_take_over_one_succeeds(memory, elsewhere, clock, monkeypatch):
    wait = Lease._wait_for_end

    def late(self, place):
        wait(self, place)
        monkeypatch.setattr(Lease, "_wait_for_end", wait)
        (memory / "r1" / ".lock" / "000002").write_text('{"owner": "quicker"}')

    monkeypatch.setattr(Lease, "_wait_for_end", late)
    with pytest.raises(RequestError, match="another process trains in"):
        Lease(memory / "r1")
    assert "000002" in names(memory)


def test_who_has_lost_it_writes_no_more(memory):
    with locked(memory / "r1"):
        with writing(memory / "r1"):
            pass
        (memory / "r1" / ".lock" / "000002").write_text("{}")
        lease_of(memory).renew()
        with pytest.raises(RunError, match=r"^another process has taken over the run in memory://bucket/r1"):
            with writing(memory / "r1"):
                raise AssertionError("written all the same")
    assert names(memory) == ["000001", "000002"]
    check_held(memory / "r1")


def test_a_process_that_stood_still_looks_before_it_writes(memory, clock):
    held = Lease(memory / "r1")
    (memory / "r1" / ".lock" / "000001").write_text('{"owner": "other"}')  # in a store that does not only create
    held.check()
    clock.now += 2 * lease.RENEWED
    with pytest.raises(RunError, match="another process has taken over"):
        held.check()
    held.close()


def test_renewals_are_seen(memory):
    held = Lease(memory / "r1")
    before = (memory / "r1" / ".lock" / "000001").read_bytes()
    held.renew()
    assert (memory / "r1" / ".lock" / "000001").read_bytes() != before
    held.close()


def test_it_is_renewed_by_itself(memory, monkeypatch):
    monkeypatch.setattr(lease, "RENEWED", 0.001)
    renewed = multiprocessing.Event()
    monkeypatch.setattr(Lease, "renew", lambda self: renewed.set())
    held = Lease(memory / "r1")
    assert renewed.wait(30)
    held.close()


def lease_of(memory):
    from tf_tricks.training.lock import _HELD

    return _HELD[os.fspath(memory / "r1")]
