"""Lists every trick, model, data set and config key with one line; with a name, prints its card.

tf-tricks tricks
tf-tricks tricks lars
"""

import sys

from tf_tricks.commands import cards
from tf_tricks.errors import RequestError


def run(argv: list[str]) -> int:
    """Runs the program and returns its exit status; it imports neither TensorFlow nor Keras."""
    if "--help" in argv or "-h" in argv:
        print(f"usage: {argv[0]} [NAME]\n\n{__doc__.splitlines()[0]}")
        return 0
    try:
        print(_text(argv[1:]))
    except RequestError as error:
        print(f"{argv[0]}: {error}", file=sys.stderr)
        return 2
    return 0


def _text(names):
    for name in names:
        if name.startswith("-"):
            raise RequestError(f"{name!r} is no flag; a trick is given by its name alone")
    if len(names) > 1:
        raise RequestError(f"give one name at a time, not {', '.join(names)}")
    return cards.card(names[0]) if names else cards.listing()


if __name__ == "__main__":
    sys.exit(run(sys.argv))
