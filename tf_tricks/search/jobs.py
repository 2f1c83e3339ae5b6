"""Several processes of one search on one machine, each with an accelerator or a share of the cores of its own."""

import glob
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

_RESTARTS = 25  # of one job, after a signal that nobody has asked for
_STOPS = (signal.SIGINT, signal.SIGTERM)


def run_jobs(arguments: Sequence[str], number: int, is_claimed: Callable[[], bool]) -> int:
    """Runs a command in so many processes until all have ended; one that is killed is started anew.

    Args:
        arguments: of `tf-tricks`, for one process.
        number: of processes.
        is_claimed: function of nothing: whether the first has begun, so that the others find what it has written.

    Returns:
        The first exit status that is not 0, or 0.
    """
    stopped: list[int] = []
    before = {name: signal.signal(name, lambda got, _: stopped.append(got)) for name in _STOPS}
    jobs = [_start(arguments, 0, number)]
    restarts = [0] * number
    try:
        while any(job.poll() is None for job in jobs) or (len(jobs) < number and not stopped):
            if stopped:
                for job in jobs:
                    job.send_signal(stopped[0])
                return max(job.wait() for job in jobs)
            if len(jobs) < number and (is_claimed() or jobs[0].poll() is not None):
                if jobs[0].poll():
                    return jobs[0].returncode
                jobs += [_start(arguments, i, number) for i in range(1, number)]
            for i, job in enumerate(jobs):
                if job.poll() is not None and job.returncode < 0 and restarts[i] < _RESTARTS:
                    print(f"job {i} was ended by signal {-job.returncode}: it is started anew", flush=True)
                    restarts[i] += 1
                    jobs[i] = _start(arguments, i, number)
            time.sleep(0.2)
        return next((abs(job.returncode) for job in jobs if job.returncode), 0)
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)


def environment(job: int, number: int, gpus: Sequence[str], cores: int) -> dict[str, str]:
    """Returns what a job's environment has besides: its GPU, or its share of the cores.

    Args:
        job: from 0.
        number: of jobs.
        gpus: the names of the machine's GPUs.
        cores: of the machine.

    Example:
        >>> environment(3, 4, ["0", "1"], 16)
        {'CUDA_VISIBLE_DEVICES': '1'}
        >>> environment(0, 2, [], 8)
        {'TF_NUM_INTRAOP_THREADS': '4', 'TF_NUM_INTEROP_THREADS': '4'}
    """
    if gpus:
        return {"CUDA_VISIBLE_DEVICES": gpus[job % len(gpus)]}
    threads = str(max(1, cores // number))
    return {"TF_NUM_INTRAOP_THREADS": threads, "TF_NUM_INTEROP_THREADS": threads}


def _start(arguments, job, number) -> Any:
    given = os.environ.get("CUDA_VISIBLE_DEVICES")
    gpus = [path.removeprefix("/dev/nvidia") for path in sorted(glob.glob("/dev/nvidia[0-9]*"))]
    gpus = gpus if given is None else [name for name in given.split(",") if name not in ("", "-1")]
    own = environment(job, number, gpus, len(os.sched_getaffinity(0)))
    return subprocess.Popen([sys.executable, "-m", "tf_tricks.cli", *arguments], env=os.environ | own)
