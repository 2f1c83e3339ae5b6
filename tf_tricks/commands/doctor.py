"""Why does it not train? Looks at a config's data, model, loss, learning rate, batch and speed before hours are spent.

tf-tricks doctor --config=configs/digits.py
tf-tricks doctor --config=digits --config.learning_rate=10 --html=report.html --output=report.json
"""

import sys
from typing import Any

from absl import flags

from tf_tricks.commands import output_file, program
from tf_tricks.config import config_file
from tf_tricks.errors import RequestError, check_number

OWN_FLAGS = ("config", "output", "html", "names", "budget", "device")

_CONFIG = config_file.define("config", "what to examine")
_OUTPUT = flags.DEFINE_string("output", None, "a file for the findings, .json", allow_override=True)
_HTML = flags.DEFINE_string("html", None, "a page with pictures, .html", allow_override=True)
_NAMES = flags.DEFINE_bool("names", False, "list the names that findings have, and end")
_BUDGET = flags.DEFINE_float("budget", 180.0, "seconds; checks that would begin later are left out")
_DEVICE = flags.DEFINE_string("device", "auto", "auto (TPU, else GPUs, else CPU), cpu, gpu or tpu", allow_override=True)


def run(argv: list[str]) -> int:
    """Runs the program and returns its exit status."""
    return program.run(main, OWN_FLAGS, argv)


def main() -> None:
    """Examines from the flags."""
    from tf_tricks.doctor.finding import NAMES

    if _NAMES.value:
        width = max(map(len, NAMES))
        print("\n".join(f"{name:<{width}}  {meaning}" for name, meaning in NAMES.items()))
        return
    if _CONFIG.value is None:
        raise RequestError("say what to examine: --config=digits")
    check_number("budget", _BUDGET.value, above=0)
    files = _files()
    diagnosis = _diagnosis()
    print(f"\n{diagnosis}")
    for path, what, content in files:
        output_file.write(path, content(diagnosis), what)
        print(f"\nwritten: {path}")


def _files() -> list[Any]:
    """The files that are asked for: path, what it is called, function of the diagnosis that returns its bytes."""
    found: list[Any] = []
    if _OUTPUT.value is not None:
        what = "the file of the findings"
        found.append((output_file.check(_OUTPUT.value, (".json",), what), what, lambda diagnosis: diagnosis.json()))
    if _HTML.value is not None:
        path = output_file.check(_HTML.value, (".html",), "the page")
        found.append((path, "the page", lambda diagnosis: diagnosis.html()))
    return found


def _diagnosis() -> Any:
    from tf_tricks.config import parts
    from tf_tricks.doctor import admission
    from tf_tricks.doctor.diagnose import diagnosed
    from tf_tricks.engines import devices

    config = parts.resolve(parts.plain(_CONFIG.value))
    strategy = devices.strategy(_DEVICE.value, None, None)
    for note in config_file.notes:
        print(note)
    return diagnosed(lambda: admission.of_config(config, strategy), _BUDGET.value, _say)


def _say(line):
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(run(sys.argv))
