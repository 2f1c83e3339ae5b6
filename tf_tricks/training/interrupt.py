"""Ctrl-C and SIGTERM, turned into a wish to stop that the loop honours at a safe place."""

import signal
import threading


class Interrupted(KeyboardInterrupt):
    """A run was asked to stop, has saved its state and can be resumed.

    Args:
        message: what happened, for the user.
        signal_number: the signal that asked.
    """

    def __init__(self, message: str, signal_number: int):
        super().__init__(message)
        self.signal_number = signal_number


class StopRequests:
    """A context that notes SIGINT and SIGTERM in `received` instead of dying of them; a second one kills as usual.

    Signals belong to the main thread: elsewhere the context does nothing.
    """

    def __init__(self):
        self.received = None
        self._before = {}

    def __enter__(self):
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, kind, *_):
        """A request that came after the last safe place is not lost: whoever runs one thing after another must stop."""
        self._restore()
        if kind is None and self.received is not None:
            raise Interrupted("asked to stop as the run came to its end, which it has reached", self.received)

    def _note(self, number, frame):
        self.received = number
        self._restore()

    def _restore(self):
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}
