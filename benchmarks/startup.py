"""Time to the list of commands and to `import tf_tricks`, against an empty Python.

    python benchmarks/startup.py [--rounds=20]

Interleaved runs of whole processes; printed are the medians.
"""

import argparse
import statistics
import subprocess
import sys
import time

COMMANDS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "import tf_tricks": [sys.executable, "-c", "import tf_tricks"],
    "tf-tricks": [sys.executable, "-m", "tf_tricks.cli"],
}


def seconds(command):
    """Returns how long a process takes from start to end."""
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def main():
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=20)
    rounds = parser.parse_args().rounds
    times = {name: [] for name in COMMANDS}
    for _ in range(rounds):
        for name, command in COMMANDS.items():
            times[name].append(seconds(command))
    for name, values in times.items():
        print(f"{name:<18} {statistics.median(values) * 1e3:6.0f} ms")


if __name__ == "__main__":
    main()
