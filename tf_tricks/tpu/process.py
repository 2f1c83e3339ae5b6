"""The process in which the TPU compiler runs, `worker`: kept between two requests, since it takes seconds to start."""

import os
import pickle
import re
import signal
import subprocess
import sys
import tempfile
import threading
from typing import Any

from tf_tricks.tpu import worker

_DEFAULTS = {
    "TPU_SKIP_MDS_QUERY": "1",  # no cloud's metadata server is asked which TPU this machine has
    "ALLOW_MULTIPLE_LIBTPU_LOAD": "1",  # nobody's TPU is taken, so that several processes may compile
}

_READ_AT_THE_START = ("ALLOW_MULTIPLE_LIBTPU_LOAD", "JAX_", "LD_", "LIBTPU_", "PYTHON", "TPU_", "XLA_")
"""Variables of the environment that a process already started would not see change."""


class Process:
    """A process that answers requests, started at the first, and anew where it has ended or its environment changed.

    (A pool of `concurrent.futures` would run the user's script once more and not say how a process has ended.)
    """

    def __init__(self):
        self._process = self._owner = self._environment = self._said = None
        self._one_at_a_time = threading.Lock()

    def ask(self, request: dict[str, Any]) -> tuple[str, Any]:
        """Returns the answer to a request, (kind, content), see `worker`.

        Where the process ends instead, what it has said at last counts as a refusal.
        """
        with self._one_at_a_time:
            self._make_ready()
            try:
                return self._exchange(request)
            except (EOFError, BrokenPipeError, pickle.UnpicklingError):  # the last: it has ended amid an answer
                status = self._process.wait()
                self._said.seek(0)
                return worker.REFUSED, _last_words(self._said.read().decode(errors="replace"), status)
            except BaseException:  # an answer that nobody has waited for would be taken for that to the next request
                self._end()
                raise

    def _exchange(self, request):
        self._said.seek(0)
        self._said.truncate()
        pickle.dump(request, self._process.stdin)
        self._process.stdin.flush()
        return pickle.load(self._process.stdout)

    def _make_ready(self):
        if self._owner != os.getpid():  # a fork must not talk to the process of its parent
            self._process = None
        elif self._process and (self._process.poll() is not None or self._environment != _environment()):
            self._end()
        if self._process is None:
            self._start()

    def _start(self):
        self._owner, self._environment, self._said = os.getpid(), _environment(), tempfile.TemporaryFile()
        self._process = subprocess.Popen(  # -P: the package's own folder holds modules with names such as `check`
            [sys.executable, "-P", worker.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            env=_DEFAULTS | os.environ,
        )

    def _end(self):
        self._process.kill()
        self._process.communicate()
        self._said.close()
        self._process = None


def _environment():
    return {name: value for name, value in os.environ.items() if name.startswith(_READ_AT_THE_START)}


def _last_words(text, status):
    """Why a process has ended without an answer, as well as what it has printed tells."""
    how = f"exit status {status}"
    if status < 0:
        how = signal.Signals(-status).name
    if status == -signal.SIGKILL:
        how += ", as where the machine's memory is used up"
    fatal = re.findall(r"^F\d{4} .*?\] (.*)$", text, re.MULTILINE)
    return f"the TPU compiler has ended itself ({how})" + (f": {fatal[-1]}" if fatal else "")
