"""Values of a config as a reader has them in pictures and tables."""

import json
from collections.abc import Sequence
from typing import Any

from tf_tricks.search.distributions import value_of


def number_text(value: float) -> str:
    """Returns a number with four digits that count.

    Example:
        >>> number_text(0.98765), number_text(128), number_text(3.00001e-05)
        ('0.9877', '128', '3e-05')
    """
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def counted(number: float, what: str) -> str:
    """Returns a number of something.

    Example:
        >>> counted(1, "trial"), counted(1.5, "epoch")
        ('1 trial', '1.5 epochs')
    """
    return f"{number:g} {what}{'' if number == 1 else 's'}"


def tick_text(value: float) -> str:
    """Returns a number as short as it stands beside an axis.

    Example:
        >>> tick_text(0.0001), tick_text(0.01), tick_text(1.0), tick_text(20000.0)
        ('1e-4', '0.01', '1', '2e4')
    """
    if value and not 1e-3 <= abs(value) < 1e4:
        digits, exponent = f"{value:.3e}".split("e")
        return f"{float(digits):g}e{int(exponent)}"
    return f"{value:.4g}"


def text_of(value: Any) -> str:
    """Returns a value of a config in short: a part with a name as a call.

    Example:
        >>> text_of({"name": "standard", "pad": 4}), text_of(0.1), text_of(None), text_of([8, 8])
        ('standard(pad=4)', '0.1', 'None', '[8, 8]')
    """
    if hasattr(value, "items"):
        arguments = ", ".join(f"{key}={text_of(one)}" for key, one in value.items() if key != "name")
        if "name" not in value:
            return f"{{{arguments}}}"
        return f"{value['name']}({arguments})" if arguments else str(value["name"])
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(text_of, value))}]"
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return number_text(value)
    return str(value)


def choice_texts(choices: Sequence[Any]) -> list[str]:
    """Returns Optuna's choices as texts that tell them apart: of parts with one name, the arguments that differ.

    Example:
        >>> choice_texts(['{"name": "momentum", "momentum": 0.8}', '{"name": "momentum", "momentum": 0.9}'])
        ['momentum=0.8', 'momentum=0.9']
        >>> choice_texts([None, "standard", 64])
        ['None', 'standard', '64']
    """
    values = [value_of(choice) for choice in choices]
    dicts = all(hasattr(value, "items") for value in values)
    if not dicts or len(values) < 2 or len({value.get("name") for value in values}) > 1:
        return [text_of(value) for value in values]
    keys = dict.fromkeys(key for value in values for key in value)
    differing = [key for key in keys if any(value.get(key) != values[0].get(key) for value in values)]
    return [", ".join(f"{key}={text_of(value[key])}" for key in differing if key in value) or "-" for value in values]


def index_of(value: Any, choices: Sequence[Any]) -> int:
    """Returns which of Optuna's choices a value is.

    Args:
        value: a number, a text, None, a list or a dict.
        choices: of a `CategoricalDistribution`.

    Raises:
        ValueError: it is none of them.

    Example:
        >>> index_of({"name": "standard"}, [None, '{"name": "standard"}'])
        1
    """
    wanted = json.dumps(value, sort_keys=True)
    return [json.dumps(value_of(choice), sort_keys=True) for choice in choices].index(wanted)
