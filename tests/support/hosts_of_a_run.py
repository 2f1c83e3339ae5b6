"""Processes that train together on this machine, each a program of its own."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).parents[1]


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def start(number, workdir, backends, environments=None, flags=None):
    """Runs `number` processes to their ends.

    Args:
        number: of processes.
        workdir: the run's.
        backends: one for each process, or one for all.
        environments: dict of a process's index to variables of its own.
        flags: dict of a process's index to flags of its own.

    Returns:
        A list of (exit status, standard error, standard output).
    """
    port, processes = free_port(), []
    backends = [backends] * number if isinstance(backends, str) else backends
    for index, backend in enumerate(backends):
        command = [
            sys.executable,
            "-m",
            "support.hosts_program",
            f"--workdir={workdir}",
            f"--backend={backend}",
            "--host_timeout=60",
        ]
        if number > 1:
            command += [f"--coordinator=127.0.0.1:{port}", f"--num_processes={number}", f"--process_id={index}"]
        path = os.pathsep.join([str(TESTS), str(TESTS.parent), os.environ.get("PYTHONPATH", "")])
        ours = dict(JAX_PLATFORMS="cpu", TF_CPP_MIN_LOG_LEVEL="3", PYTHONPATH=path)
        environment = {k: v for k, v in os.environ.items() if k not in ("KERAS_BACKEND", "TF_CONFIG")} | ours
        environment |= (environments or {}).get(index, {})
        command += (flags or {}).get(index, [])
        pipes = dict(stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        processes.append(subprocess.Popen(command, env=environment, **pipes))
    ends = []
    try:
        for process in processes:
            output, errors = process.communicate(timeout=300)
            ends.append((process.returncode, errors, output))
    finally:
        for process in processes:
            process.kill()
    return ends


def lines(workdir):
    """The lines of metrics.jsonl without what depends on the clock."""
    found = [json.loads(line) for line in (workdir / "metrics.jsonl").read_text().splitlines()]
    return [{k: v for k, v in line.items() if k not in ("wall_time", "examples_per_second")} for line in found]
