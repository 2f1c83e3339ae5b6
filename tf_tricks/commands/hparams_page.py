"""TensorBoard's HParams page of many runs beside each other: their settings, and what came of them."""

import json
from collections.abc import Sequence
from typing import Any

from tf_tricks.commands.found_runs import FoundRun
from tf_tricks.commands.run_table import differing
from tf_tricks.training.tensorboard import TensorBoard


def write(folder: Any, runs: Sequence[FoundRun]) -> None:
    """Writes a folder for TensorBoard with an experiment of all the runs.

    Its columns are the settings that differ and all results: the last and the best of the validation, and the test's.

    Args:
        folder: `epath.Path`.
        runs: with names that differ.
    """
    columns = {key: _alike([run.settings.get(key) for run in runs]) for key in differing(runs)}
    results = dict.fromkeys(name for run in runs for name in run.results)
    with_values = {key: [v for v in values if v is not None] for key, values in columns.items()}
    board = TensorBoard(folder)
    board.experiment(with_values, {name: name for name in results})
    board.close()
    for i, run in enumerate(runs):
        board = TensorBoard(folder / run.name)
        board.settings({key: values[i] for key, values in columns.items() if values[i] is not None}, run.name)
        board.scalars(round(run.epochs_trained), run.results)
        if run.finished:
            board.end_settings()
        board.close()


def _alike(values):
    """The values of a setting as the page takes them, all numbers, all truth values or all texts; None for none."""
    there = [value for value in values if value is not None]
    if all(isinstance(v, bool) for v in there) or all(type(v) in (int, float) for v in there):
        return values
    return [v if v is None or isinstance(v, str) else json.dumps(v) for v in values]
