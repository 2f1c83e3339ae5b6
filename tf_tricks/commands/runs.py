"""A table of the runs below folders: the settings that differ, how far each is, and its results.

tf-tricks runs runs/
tf-tricks runs runs/ --group --sort=-test_accuracy --output=runs.csv --hparams=runs/hparams
"""

import os
import sys

from absl import flags

from tf_tricks.commands import output_file, program
from tf_tricks.errors import RequestError

MOST_NAMED = 10
"""Folders that are passed over and named one by one."""

flags.DEFINE_bool("group", False, "a row for each group of runs that differ by seed only: mean ± standard deviation")
flags.DEFINE_string("sort", "name", "the column to sort by; --sort=-COLUMN from the largest down")
flags.DEFINE_string("output", None, "a file for the table, .csv, with all digits", allow_override=True)
flags.DEFINE_string("hparams", None, "a new folder for TensorBoard, whose HParams page then shows all the runs")


def run(argv: list[str]) -> int:
    """Runs the program and returns its exit status; it imports TensorFlow for --hparams only."""
    return program.run_light(main, ["group", "sort", "output", "hparams"], argv, "FOLDER…")


def main(folders: list[str]) -> None:
    """Prints the table, and writes what the flags ask for."""
    from tf_tricks.commands import found_runs, run_table

    given = flags.FLAGS
    if not folders:
        raise RequestError("say where the runs are: tf-tricks runs runs/")
    path = None if given.output is None else output_file.check(given.output, (".csv",), "the table")
    hparams = None if given.hparams is None else output_file.check_new_folder(given.hparams, "the folder of --hparams")
    runs, foreign = found_runs.find(folders)
    if foreign:
        more = f" and {len(foreign) - MOST_NAMED} more" if len(foreign) > MOST_NAMED else ""
        named = ", ".join(foreign[:MOST_NAMED]) + more
        print(f"passed over, config.json is damaged or of something else: {named}", file=sys.stderr)
    if not runs:
        raise RequestError(f"there are no runs in {' or '.join(folders)}: no folder there has the config.json of a run")
    table = run_table.of_groups(runs) if given.group else run_table.of_runs(runs)
    table = run_table.ordered(table, given.sort)
    print(run_table.as_text(table))
    if path is not None:
        output_file.write(path, run_table.as_csv(table).encode(), "the table")
        print(f"\nwritten: {path}")
    if hparams is not None:
        program.import_tensorflow()
        from tf_tricks.commands import hparams_page

        hparams_page.write(hparams, runs)
        print(f"\nsee them beside each other: tensorboard --logdir {os.fspath(hparams)}, on the page HParams")


if __name__ == "__main__":
    sys.exit(run(sys.argv))
