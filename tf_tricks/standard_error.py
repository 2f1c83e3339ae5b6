"""What libraries print on standard error, TensorFlow's C++ above all, can be held back."""

import contextlib
import logging
import os
import sys
import tempfile
import warnings
from collections.abc import Iterator


class Caught:
    """What was printed while it was held back.

    Attributes:
        shown: whether it is printed after all, once the context has ended.
    """

    def __init__(self):
        self.shown = False

    def show(self) -> None:
        """Has it printed after all, once the context has ended."""
        self.shown = True


@contextlib.contextmanager
def held_back() -> Iterator[Caught]:
    """Keeps what is printed on standard error, warnings and logs from the user for as long as the context lasts.

    The file descriptor is what is redirected, and `sys.stderr` stays the object it is: a library that keeps it writes
    where it should, later.

    Yields:
        `Caught`, whose `show()` prints what was held back.

    Example:
        >>> with held_back() as caught:
        ...     _ = os.write(2, b"a line of TensorFlow's")
    """
    sys.stderr.flush()
    kept, level = os.dup(2), logging.root.manager.disable
    caught = Caught()
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), 2)
        logging.disable()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                yield caught
        finally:
            logging.disable(level)
            sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)
            if caught.shown:
                file.seek(0)
                sys.stderr.write(file.read().decode(errors="replace"))
