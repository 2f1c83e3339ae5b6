"""best.py: the config of a search's best trial, as a file that `train` runs as it is."""

import math
import shlex
from collections.abc import Mapping
from typing import Any

from tf_tricks.config.config_keys import DEFAULTS
from tf_tricks.search.labels import number_text
from tf_tricks.search.own_code import anywhere
from tf_tricks.search.results import TrialResult
from tf_tricks.search.space import with_values
from tf_tricks.storage import path_of

_WIDTH = 120  # of a line


def write_best(path: Any, config: Mapping[str, Any], result: TrialResult, metric: str) -> None:
    """Writes the config of a trial as a file for `tf-tricks train`, which trains as long as the search's config says.

    Keys that say what holds without them are left out. The user's own code that the config names is named by absolute
    paths, so that the file may lie anywhere.

    Args:
        path: of the file; may be remote.
        config: the resolved config that was searched, a plain dict.
        result: the trial.
        metric: by which the trials were compared, `"val_accuracy"`.

    Example:
        >>> import pathlib, tempfile
        >>> file = pathlib.Path(tempfile.mkdtemp()) / "best.py"
        >>> config = {"epochs": 3, "data": "digits", "model": "mlp", "learning_rate": 0.1, "batch_size": 64}
        >>> trial = TrialResult(7, "fine", "complete", value=0.97, params={"learning_rate": 0.03})
        >>> write_best(file, config, trial, "val_accuracy")
        >>> print(*file.read_text().splitlines()[-6:], sep=chr(10))
            config.epochs = 3
            config.data = "digits"
            config.model = "mlp"
            config.learning_rate = 0.03
            config.batch_size = 64
            return config
    """
    from tf_tricks.storage import write_atomically

    write_atomically(path, _text(path_of(path), config, result, metric).encode())


def train_command(path: Any) -> str:
    """Returns the command that trains the config in a file, in a folder beside it.

    Example:
        >>> train_command("runs/search/best.py")
        'tf-tricks train --config=runs/search/best.py --workdir=runs/search/best'
    """
    path = path_of(path)
    return f"tf-tricks train --config={shlex.quote(str(path))} --workdir={shlex.quote(str(path.parent / path.stem))}"


def _text(path, config, result, metric):
    changed, code = anywhere(with_values(config, result.params))
    said = {key: value for key, value in changed.items() if key not in DEFAULTS or not _same(value, DEFAULTS[key])}
    imports = ["import importlib", ""] if any(line.startswith("importlib.") for line in code) else []
    imports += ["import ml_collections", *(["", "from tf_tricks import users_code"] if code else [])]
    body = "\n".join(f"    config.{key} = {_python(value, 4, len(key) + 14)}" for key, value in said.items())
    head = "\n".join([*imports, *([""] if code else []), *code])
    return f'''"""{_in_docstring(_headline(result, metric))}

    {_in_docstring(train_command(path))}

{_in_docstring(_description(result))}
"""

{head}


def get_config():
    """Returns the config."""
    config = ml_collections.ConfigDict()
{body}
    return config
'''


def _headline(result, metric):
    value = "" if result.value is None else f": {metric} {number_text(result.value)}"
    of_seeds = f", the mean of {len(result.values)} seeds" if value and len(result.values) > 1 else ""
    return f"Trial {result.number} of a search, the best{value}{of_seeds}."


def _description(result):
    lines = [f"{path} = {_python(value, 0, len(path) + 3)}" for path, value in result.params.items()]
    trained = f"The trial was {result.stage} and trained for {result.epochs:g} epochs; this config says its own epochs."
    return "\n".join([trained, *(["The search chose:", "", *(f"    {line}" for line in lines)] if lines else [])])


def _in_docstring(text):
    return text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')


def _same(value, other):
    """Whether two values are one, tuples and lists alike; 1 is not True."""
    if isinstance(value, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(value) == len(other) and all(map(_same, value, other))
    return value == other and isinstance(value, bool) == isinstance(other, bool)


def _python(value, indent, start):
    """A value as Python's source: in one line where it fits, which has `start` characters already; else in several."""
    line = _in_line(value)
    if start + len(line) <= _WIDTH or not isinstance(value, (dict, list, tuple)) or not value:
        return line
    inner = indent + 4
    if isinstance(value, dict):
        keys = [(f"{_in_line(key)}: ", one) for key, one in _name_first(value)]
        parts = [key + _python(one, inner, inner + len(key) + 1) for key, one in keys]
    else:
        parts = [_python(one, inner, inner + 1) for one in value]
    opening, closing = {dict: "{}", list: "[]", tuple: "()"}[type(value)]
    lines = "".join(f"{' ' * inner}{part},\n" for part in parts)
    return f"{opening}\n{lines}{' ' * indent}{closing}"


def _name_first(part):
    """The items of a dict, as they are read: ml_collections has sorted them."""
    return sorted(part.items(), key=lambda item: item[0] != "name")


def _in_line(value):
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_in_line(key)}: {_in_line(one)}" for key, one in _name_first(value)) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_in_line, value)) + "]"
    if isinstance(value, tuple):
        return "(" + ", ".join(map(_in_line, value)) + ("," if len(value) == 1 else "") + ")"
    if isinstance(value, float) and not math.isfinite(value):
        return f'float("{value}")'
    text = repr(value)
    if isinstance(value, str) and text[0] == "'" and '"' not in text:
        return f'"{text[1:-1]}"'
    return text
