"""One process a run where there is no lock of files: in an object store, a lease that its holder renews.

A folder `.lock` has an object for each time that the run was taken over, numbered. Whoever creates the next number
has the lease: a store lets one of several do so. The holder rewrites its object every 10 s, and looks whether there is
a higher number; then it has lost the run, and writes nothing more. A run is taken over when its holder's process is
dead, as is known on the same machine, or has not renewed its lease for 30 s.
"""

import contextlib
import json
import os
import socket
import threading
import time
import uuid
from typing import Any

from absl import logging

from tf_tricks.errors import RequestError, RunError
from tf_tricks.storage import StorageError

RENEWED = 10.0
"""Seconds from one renewal to the next."""

LASTS = 30.0
"""Seconds without a renewal after which another process takes over."""


class Lease:
    """The lease of a remote folder, which is held from here on.

    Args:
        folder: `RemotePath`.

    Raises:
        RequestError: another process holds it.
    """

    def __init__(self, folder: Any):
        self._folder, self._places = folder, folder / ".lock"
        me = {"owner": uuid.uuid4().hex, "host": socket.gethostname(), "pid": os.getpid()}
        self._me: dict[str, Any] = me | _process(os.getpid())
        self._beats, self._lost, self._mutex = 0, False, threading.Lock()
        self._place = self._take()
        self._renewed = time.monotonic()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep, daemon=True)
        self._thread.start()

    def check(self) -> None:
        """Raises a `RunError` if another process has taken over; to be asked before anything is written."""
        if not self._lost and time.monotonic() - self._renewed > 1.5 * RENEWED:  # the process stood still
            self.renew()
        if self._lost:
            raise RunError(f"another process has taken over the run in {self._folder}: this one ends")

    def renew(self) -> None:
        """Says that the holder is alive, or notes that the lease is lost."""
        with self._mutex:
            if self._lost or self._newest() != self._place or self._read(self._place)["owner"] != self._me["owner"]:
                self._lost = True
                return
            self._beats += 1
            self._place.write_bytes(self._content())
            self._renewed = time.monotonic()

    def close(self) -> None:
        """Gives it back."""
        self._ended.set()
        self._thread.join()
        with contextlib.suppress(OSError):  # left behind, it lasts half a minute
            if not self._lost:
                self._place.unlink(missing_ok=True)

    def _take(self):
        before = self._newest()
        if before is not None:
            self._wait_for_end(before)
        number = 1 if before is None else int(before.name) + 1
        place = self._places / f"{number:06d}"
        try:
            place.create(self._content())
        except FileExistsError:
            raise self._refusal() from None
        if self._read(place)["owner"] != self._me["owner"]:  # a store that does not know how to create only
            raise self._refusal()
        if before is not None:
            before.unlink(missing_ok=True)
        return place

    def _wait_for_end(self, place):
        """Returns once the holder is known to be gone.

        Whether it is alive is told by changes and this machine's clock: those of two machines may differ.
        """
        first = self._read(place)
        if _is_dead(first):
            return
        if first.get("boot") == self._me.get("boot") is not None:
            raise self._refusal(first)
        there = f"{self._folder} was in use by a process on {first.get('host')}"
        logging.warning("%s: waiting for %g s whether it is alive", there, LASTS)
        end = time.monotonic() + LASTS
        while time.monotonic() < end:
            time.sleep(RENEWED / 5)
            if self._newest() != place or self._read(place) != first:
                raise self._refusal(first)

    def _refusal(self, holder=None):
        who = f", number {holder.get('pid')} on {holder.get('host')}," if holder else ""
        return RequestError(f"another process{who} trains in {self._folder}: wait for it, or choose another workdir")

    def _newest(self):
        return max(self._places.glob("[0-9]*"), default=None, key=lambda place: place.name)

    def _read(self, place):
        try:
            return {"owner": None} | json.loads(place.read_bytes())
        except (FileNotFoundError, ValueError, TypeError):
            return {"owner": None}

    def _content(self):
        return json.dumps(self._me | {"beats": self._beats}).encode()

    def _keep(self):
        while not self._ended.wait(RENEWED):
            with contextlib.suppress(StorageError):  # the next write tells it
                self.renew()


def _process(pid):
    """What tells a process from all others of this machine: pids come again, and each container has its own."""
    try:
        with open("/proc/sys/kernel/random/boot_id") as file:
            boot = f"{file.read().strip()} {os.readlink('/proc/self/ns/pid')}"
        with open(f"/proc/{pid}/stat") as file:
            state, *numbers = file.read().rsplit(")", 1)[1].split()
    except (OSError, IndexError):
        return {}
    return {} if state in "ZX" else {"boot": boot, "since": int(numbers[18])}  # in ticks since the machine was started


def _is_dead(holder):
    """Whether the process of a lease has ended, so far as that is known here."""
    if "boot" not in holder or holder["boot"] != _process(os.getpid()).get("boot"):
        return False
    return _process(holder["pid"]).get("since") != holder["since"]
