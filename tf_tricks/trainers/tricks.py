"""Lists every trick with one line; with a name, prints its card.

tf-tricks tricks
tf-tricks tricks lars
"""

import sys

from tf_tricks.errors import RequestError
from tf_tricks.trainers import program


def run(argv):
    """Runs the program and returns its exit status."""
    names = [argument for argument in argv[1:] if not argument.startswith("-")]
    if "--help" in argv or "-h" in argv:
        print(f"usage: {argv[0]} [NAME]\n\nLists every trick with one line; with a name, prints its card.")
        return 0
    flags = [argument for argument in argv if argument not in names]
    return program.run(lambda: main(names), [], flags)


def main(names):
    """Prints the list, or the card of the one that is named."""
    from tf_tricks import tricks

    if len(names) > 1:
        raise RequestError(f"give one name at a time, not {', '.join(names)}")
    print(tricks.card(names[0]) if names else tricks.listing())


if __name__ == "__main__":
    sys.exit(run(sys.argv))
