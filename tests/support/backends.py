"""Programs that are run with Keras on one backend and on another."""

import os
import runpy
import subprocess
import sys
import tempfile
from pathlib import Path

import keras
import numpy as np
from support import forked

TESTS = Path(__file__).parents[1]


def run(program, backend, *arguments, **environment):
    """Runs a program, which writes an .npz file under the path that is its first argument.

    Args:
        program: its path.
        backend: KERAS_BACKEND.
        *arguments: further arguments.
        **environment: further environment variables; for other backends than TensorFlow.

    Returns:
        The arrays that it wrote, by name.
    """
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "results.npz"
        given = [str(program), str(output), *map(str, arguments)]
        if backend == keras.config.backend():
            forked.call(_run_here, given)
        else:
            _run_on(backend, given, environment)
        return dict(np.load(output))


def _run_here(command):
    sys.argv = command
    runpy.run_path(command[0], run_name="__main__")


def _run_on(backend, command, environment):
    ours = dict(KERAS_BACKEND=backend, JAX_PLATFORMS="cpu", TF_CPP_MIN_LOG_LEVEL="3", PYTHONPATH=_python_path())
    done = subprocess.run(
        [sys.executable, *command], env=os.environ | ours | environment, capture_output=True, text=True, timeout=900
    )
    assert done.returncode == 0, done.stderr


def _python_path():
    return os.pathsep.join([str(TESTS), *filter(None, [os.environ.get("PYTHONPATH")])])
