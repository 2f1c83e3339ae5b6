"""Programs that are run with Keras on one backend and on another."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

TESTS = Path(__file__).parents[1]


def run(program, backend, *arguments, **environment):
    """Runs a program, which writes an .npz file under the path that is its first argument.

    Args:
        program: its path.
        backend: KERAS_BACKEND.
        *arguments: further arguments.
        **environment: further environment variables.

    Returns:
        The arrays that it wrote, by name.
    """
    ours = dict(KERAS_BACKEND=backend, JAX_PLATFORMS="cpu", TF_CPP_MIN_LOG_LEVEL="3", PYTHONPATH=_python_path())
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "results.npz"
        command = [sys.executable, program, output, *map(str, arguments)]
        done = subprocess.run(command, env=os.environ | ours | environment, capture_output=True, text=True, timeout=900)
        assert done.returncode == 0, done.stderr
        return dict(np.load(output))


def _python_path():
    return os.pathsep.join([str(TESTS), *filter(None, [os.environ.get("PYTHONPATH")])])
