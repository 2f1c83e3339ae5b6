"""Processes of their own that need not import TensorFlow first: they are forked from one that has."""

import concurrent.futures
import multiprocessing
import os
import signal
import sys
import time

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(
    ["tensorflow", "keras", "sklearn.datasets", "tf_tricks.commands.train", "tf_tricks.commands.run_files"]
    + ["tf_tricks.training.trainer"]
)


def call(function, *arguments):
    """Returns what a function of a module gives, or raises what it raises, in a process of its own."""
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=_CONTEXT) as pool:
        return pool.submit(function, *arguments).result(timeout=600)


def run(program):
    """Runs a program, given as text, as `python -c` does; raises what it raises."""
    call(_execute, program)


def _execute(program):
    exec(compile(program, "program", "exec"), {"__name__": "__main__"})


class Forked:
    """A call of a function in a new process, whose output goes to a file.

    Args:
        function: of the arguments; it returns the exit status, or None for 0. A function of a module.
        arguments: its arguments.
        output: path of the file for what it prints, on standard error, too.
    """

    def __init__(self, function, arguments, output):
        self.output = output
        self._process = _CONTEXT.Process(target=_call, args=(function, arguments, os.fspath(output)), daemon=True)
        self._process.start()

    @property
    def status(self):
        """The exit status, minus the signal's number if it was killed; None while it runs."""
        return self._process.exitcode

    def text(self):
        """Returns what it has printed so far."""
        return self.output.read_text() if self.output.exists() else ""

    def wait_for(self, condition):
        """Waits until a function of nothing is true, or the process has ended."""
        while not condition() and self.status is None:
            time.sleep(0.002)

    def send(self, number):
        """Sends a signal."""
        os.kill(self._process.pid, number)

    def kill(self):
        """Kills it as a power failure would, and waits for its end."""
        self.send(signal.SIGKILL)
        self.join()

    def join(self, timeout=600):
        """Waits for its end and returns what it has printed."""
        self._process.join(timeout)
        assert self.status is not None, f"still running after {timeout} s: {self.text()}"
        return self.text()


def _call(function, arguments, output):
    descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for number in (1, 2):
        os.dup2(descriptor, number)
    sys.stdout = os.fdopen(1, "w", buffering=1)
    sys.stderr = os.fdopen(2, "w", buffering=1)
    sys.exit(function(*arguments))
