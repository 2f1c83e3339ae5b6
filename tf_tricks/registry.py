"""Finds a part by its name: what the `get` of every package is made of."""

import inspect
import re
from collections.abc import Mapping

from tf_tricks.errors import RequestError, unknown


class Registry:
    """Builds the parts of one kind from a name, a dict or an object.

    Args:
        kind: what the parts are, in the singular, for messages: `"optimizer"`.
        entries: dict of name to the class or function that makes the part.

    Example:
        >>> from tf_tricks import schedules
        >>> schedules.get({"name": "step_decay", "initial": 0.1, "epochs": [30], "factor": 0.1})(31.0)
        0.010000000000000002
    """

    def __init__(self, kind, entries):
        self.kind = kind
        self.entries = dict(entries)

    def get(self, identifier, **defaults):
        """Returns the part that `identifier` stands for.

        Args:
            identifier: a name, a mapping with the key `"name"` and the part's arguments, or an object, which is
                returned as it is.
            **defaults: arguments that the run knows (`total_epochs`, `num_replicas`, …): handed to the part where it
                takes them and the mapping does not give them.

        Raises:
            RequestError: the name or an argument is unknown, missing or unusable.
        """
        if isinstance(identifier, str):
            identifier = {"name": identifier}
        if not isinstance(identifier, Mapping) and not hasattr(identifier, "to_dict"):
            return identifier
        arguments = dict(identifier.items())
        name = arguments.pop("name", None)
        if name is None:
            raise RequestError(f"this {self.kind} has no 'name': {arguments!r}")
        name = self._known_name(name)
        return self._build(name, self.entries[name], arguments, defaults)

    def _known_name(self, name):
        """The entry that is meant: `"AdamW"` and `"adamw"`, as Keras writes it, are `"adam_w"`."""
        if name in self.entries:
            return name
        same = [entry for entry in self.entries if _plain(entry) == _plain(str(name))]
        if not same:
            raise unknown(self.kind, name, self.entries)
        return same[0]

    def _build(self, name, make, arguments, defaults):
        parameters = inspect.signature(make).parameters
        named = [p.name for p in parameters.values() if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
        takes_any = any(p.kind == p.VAR_KEYWORD for p in parameters.values())
        for key in arguments:
            if key not in named and not (takes_any and key in _keyword_arguments_of_bases(make)):
                raise unknown(f"argument of the {self.kind} {name!r} called", key, named)
        given = {key: value for key, value in defaults.items() if key in named} | arguments
        missing = [p for p in named if parameters[p].default is inspect.Parameter.empty and p not in given]
        if missing:
            raise RequestError(f"the {self.kind} {name!r} needs {', '.join(missing)}")
        try:
            return make(**given)
        except RequestError:
            raise
        except (TypeError, ValueError) as error:
            reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            raise RequestError(f"the {self.kind} {name!r} cannot be made: {reason}") from error


def classes_by_name(module, base):
    """Returns the subclasses of `base` in a module of Keras, keyed by their names in snake case.

    Example:
        >>> import keras
        >>> classes_by_name(keras.losses, keras.losses.Loss)["mean_squared_error"].__name__
        'MeanSquaredError'
    """
    found = {name: value for name, value in vars(module).items() if inspect.isclass(value)}
    return {_snake_case(name): value for name, value in found.items() if issubclass(value, base) and value is not base}


def _plain(name):
    return name.replace("_", "").lower()


def _snake_case(name):
    if name.isupper():
        return name.lower()
    name = re.sub(r"(?<=[1-3])D", "d", name)  # as in Conv2D
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def _keyword_arguments_of_bases(make):
    """What **keywords can stand for: arguments of the classes above, or of the class that a function makes."""
    made = make if inspect.isclass(make) else inspect.signature(make, eval_str=True).return_annotation
    names = set()
    for base in inspect.getmro(made) if inspect.isclass(made) else ():
        names |= set(inspect.signature(base.__init__).parameters)
    return names - {"self", "args", "kwargs"}
