"""Files that grow, and lie in a store that cannot append: they are kept here and written whole, some seconds apart."""

import os
import tempfile
import time
from pathlib import Path
from typing import Any

from tf_tricks.storage.places import is_remote

SECONDS = 10.0
"""The least from one upload of a growing file to the next."""

SHARE = 20
"""An upload that takes long is made as much rarer: it takes one part in so many of the time."""

RATE = 100_000
"""And one of many bytes, too: so many in a second, on the whole."""


class Pace:
    """When to upload again what has grown: after 10 s, or what takes long or is large later than that."""

    def __init__(self):
        self._due = time.monotonic() + SECONDS

    def is_due(self) -> bool:
        """Returns whether the time has come."""
        return time.monotonic() >= self._due

    def note(self, began: float, size: int) -> None:
        """Counts from now, after an upload of `size` bytes that has begun at a time of `time.monotonic`."""
        now = time.monotonic()
        self._due = now + max(SECONDS, SHARE * (now - began), size / RATE)


class Mirror:
    """A folder on this machine whose files are written to a remote one; a local folder is its own mirror.

    Args:
        folder: from `path_of`; None for none.

    Attributes:
        local: where to write.
    """

    def __init__(self, folder: Any):
        self._remote = folder if folder is not None and is_remote(folder) else None
        self._scratch = None if self._remote is None else tempfile.TemporaryDirectory()
        self.local: Any = folder if self._scratch is None else Path(self._scratch.name)
        self._pace, self._sizes = Pace(), dict[str, int]()

    def upload(self, now: bool = True) -> None:
        """Uploads the files that have grown.

        Args:
            now: False leaves it to the pace.
        """
        if self._remote is None or not (now or self._pace.is_due()):
            return
        began, uploaded = time.monotonic(), 0
        for file in sorted(file for file in self.local.rglob("*") if file.is_file()):
            name, size = file.relative_to(self.local).as_posix(), os.path.getsize(file)
            if self._sizes.get(name) != size:
                (self._remote / name).upload(file)
                self._sizes[name] = size
                uploaded += size
        self._pace.note(began, uploaded)

    def close(self) -> None:
        """Takes away what is on this machine."""
        if self._scratch is not None:
            self._scratch.cleanup()
