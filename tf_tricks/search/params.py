"""Values put into a config by their paths."""

import re
from collections.abc import Mapping
from typing import Any


def with_params(config: Mapping[str, Any], params: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a config with other values at some paths; the one given stays as it is.

    Args:
        config: a plain dict.
        params: dict of path to value: `"model.depth"`, `"callbacks[0].patience"`. A whole part is put in before what
            lies in it.

    Example:
        >>> with_params({"model": {"name": "mlp", "units": (8, 8)}}, {"model.units[1]": 4, "l2": 0.1})
        {'model': {'name': 'mlp', 'units': (8, 4)}, 'l2': 0.1}
    """
    changed = dict(config)
    by_keys = [(_keys_of(path), value) for path, value in params.items()]
    for keys, value in sorted(by_keys, key=lambda pair: len(pair[0])):
        changed = _put(changed, keys, value)
    return changed


def _keys_of(path):
    """The keys on the way to a value; those of lists are integers."""
    return [int(index) if index else key for key, index in re.findall(r"([^.\[\]]+)|\[(\d+)\]", path)]


def _put(part, keys, value):
    if not keys:
        return value
    key, *rest = keys
    if isinstance(key, int):
        return type(part)(_put(one, rest, value) if i == key else one for i, one in enumerate(part))
    there = dict(part.items()) if hasattr(part, "items") else {}
    return there | {key: _put(there.get(key), rest, value)}
