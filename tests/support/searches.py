"""A small search of `tf-tricks search`, and the table that it leaves."""

import csv

from support.sentences import DIGITS, MLP

SPACE = "from tf_tricks.search import *\n\ndef get_space():\n    return "
RATES = SPACE + "{'learning_rate.schedule.initial': log_uniform(1e-3, 1.0), 'batch_size': choice(64, 128)}\n"


def arguments(folder, *more, space=RATES, trials=4):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "space.py").write_text(space)
    names = [f"--space={folder / 'space.py'}", f"--workdir={folder / 'search'}", f"--trials={trials}"]
    given = ["search", DIGITS, MLP, "--config.augment=None", *names, "--coarse_epochs=1", "--fine_epochs=2"]
    return [one for one in given if one.split("=")[0] not in [other.split("=")[0] for other in more]] + list(more)


def rows(folder):
    with (folder / "search" / "trials.csv").open(newline="") as file:
        return list(csv.DictReader(file))
