"""One export of a run: the examples that it is checked and calibrated with, and what there is to say of it."""

import os
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from tf_tricks import data
from tf_tricks.commands import finished_run
from tf_tricks.commands.quantized_results import results_of
from tf_tricks.data import Source
from tf_tricks.errors import RequestError
from tf_tricks.export import exported, signature, to_keras
from tf_tricks.export.comparison import Arrays
from tf_tricks.export.signature import Signature, function_of
from tf_tricks.training import saved_model

EXAMPLES = 32
"""On which the outputs are compared."""

IN_FLOAT32 = ("tflite", "onnx")
"""Formats of models that compute in float32."""


class Sources(NamedTuple):
    """Where examples come from.

    Attributes:
        check: its name and the source of those on which outputs are compared; None where they are made up.
        calibration: the source of those by which the ranges of integers are chosen, or None.
        held_out: its name and the source on which integers are evaluated, or None.
    """

    check: tuple[str, Source] | None
    calibration: Source | None
    held_out: tuple[str, Source] | None


def export(
    folder: Any,
    config: dict[str, Any] | None,
    format: str,
    path: str | os.PathLike[str],
    calibration: int | None,
    file: str | None,
    checkpoint: str = "last",
) -> list[str]:
    """Writes the model of a finished run, checks it, and returns lines that say what came of it.

    Args:
        folder: the run's, an `epath.Path`.
        config: its config, or None of a run of `Trainer.fit`.
        format: `keras`, `saved_model`, `tflite` or `onnx`.
        path: of the new file or folder, local.
        calibration: examples to choose the ranges of 8-bit integers by; None leaves floats.
        file: an .npz in place of the run's own data, or None.
        checkpoint: `"last"` or `"best"`, which of the models that the run has left.

    Raises:
        RequestError: the model, or the data, do not allow it.
        RunError: what was written computes something else.
    """
    sources = sources_of(config, file)
    if calibration is not None and sources.calibration is None:
        raise RequestError(
            f"8-bit integers need examples, and the run in {folder} was trained by Trainer.fit, on data that only that "
            "program knows: give some, --data=FILE.npz with arrays x and y"
        )
    model = saved_model.load(folder, compile=False, checkpoint=checkpoint)
    notes = []
    if format in IN_FLOAT32 and exported.compute_in_float32(model):
        notes.append("it computes in float32, whatever the run was trained in")
    taken, examples, what = _examples(model, sources.check)
    reference = function_of(model, taken)
    repeatable = exported.is_repeatable(reference, examples)
    said = [f"{model.count_params():,} parameters"]
    if format == "keras":
        to_keras.write((folder / saved_model.FILES[checkpoint]).read_bytes(), path)
        run, given = to_keras.checked(path, model, taken), taken
        said.append("the same weights")
    elif repeatable:
        ranges = None if calibration is None else _one_by_one(taken, sources.calibration, calibration)
        run, given = exported.write(model, taken, format, path, ranges)
    else:
        raise RequestError(
            f"the model {model.name!r} gives other outputs each time that it is called: it draws at random in "
            "inference, too, or keeps a state from call to call, and no export of it could be checked"
        )
    if given.batch_size is not None:
        notes.append(f"it takes {_counted(given.batch_size)} at a time")
    if repeatable:
        batches = [examples] if taken.batch_size else [examples, {name: array[:1] for name, array in examples.items()}]
        allowed = exported.tolerance(model, format, calibration is not None)
        error = exported.check(run, reference, batches, format, allowed, calibration is not None)
        said.append(f"{_shown(error, calibration is not None)} on {what}")
    if calibration is not None:
        notes += _evaluated(run, taken, folder, config, checkpoint, sources.held_out)
    return ["  ".join(said), *notes]


def _shown(error, int8):
    return f"error {error:.1%} of the outputs' standard deviation" if int8 else f"largest difference {error:.1e}"


def _evaluated(run, taken, folder, config, checkpoint, held_out):
    if held_out is None:
        return ["not evaluated: the run has neither a validation nor a test set"]
    return results_of(run, taken, folder, config, checkpoint, *held_out)


def sources_of(config: dict[str, Any] | None, file: str | None) -> Sources:
    """Returns where examples come from: an .npz, the run's own data, or nowhere."""
    if file is not None:
        source = finished_run.source_of(file)
        return Sources(("given", source), source, ("data", source))
    if config is None:
        return Sources(None, None, None)
    splits = data.get(config["data"], seed=config["seed"])
    there = [(name, getattr(splits, name)) for name in ("validation", "test") if getattr(splits, name) is not None]
    held_out = there[0] if there else None
    return Sources(held_out or ("training", splits.train), splits.train, held_out)


def _examples(model, check) -> tuple[Signature, Arrays, str]:
    """The model's inputs, a batch of them, and what they are."""
    if check is None:
        taken = signature.of(model)
        number = taken.batch_size or EXAMPLES
        return taken, signature.made_up(taken, number), f"{number} random inputs, for the run's data are not known here"
    name, source = check
    taken = signature.of(model, _fetched(source, 1))
    number = taken.batch_size or min(EXAMPLES, source.num_examples)
    return taken, taken.arrays(_fetched(source, number)), _counted(number, f"{name} ")


def _counted(number, kind=""):
    return f"one {kind}example" if number == 1 else f"{number} {kind}examples"


def _fetched(source, number):
    """The inputs of the first examples; from the start again where there are fewer."""
    indices = np.arange(number) % source.num_examples
    return source.fetch(indices, indices)[0]


def _one_by_one(taken, source, number) -> Iterator[Arrays]:
    """Examples from all over a source, each a batch as the model takes it."""
    size = taken.batch_size or 1
    chosen = np.sort(np.random.default_rng(0).permutation(source.num_examples)[: max(number, size)])
    for start in range(0, len(chosen) - size + 1, size):
        indices = chosen[start : start + size]
        yield taken.arrays(source.fetch(indices, indices)[0])
