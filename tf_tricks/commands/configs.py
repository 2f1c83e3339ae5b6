"""Lists the configs that come with the package, each with its first line.

tf-tricks configs
tf-tricks train --config=digits --workdir=runs/digits
"""

import sys

from tf_tricks.config import packaged_configs


def run(argv: list[str]) -> int:
    """Runs the program and returns its exit status."""
    name, *arguments = argv
    if arguments and arguments != ["--help"]:
        print(f"{name}: it takes no arguments, not {' '.join(arguments)!r}", file=sys.stderr)
        return 2
    if arguments:
        print(f"usage: {name}\n\nLists the configs that come with the package: --config=NAME takes one.")
        return 0
    print(packaged_configs.listing())
    return 0


if __name__ == "__main__":
    sys.exit(run(sys.argv))
