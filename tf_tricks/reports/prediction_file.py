"""From inputs to a file of predictions, batch by batch."""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
from etils import epath

from tf_tricks.data.unlabeled import Inputs
from tf_tricks.errors import RequestError
from tf_tricks.reports import columns, table_file
from tf_tricks.training.outputs import Output
from tf_tricks.training.progress_bar import Counting
from tf_tricks.training.sampled_prediction import SampledPrediction


class Written(NamedTuple):
    """What a file of predictions holds.

    Attributes:
        rows: how many.
        damaged: the reason for each key whose input could not be read.
        not_finite: of how many others the model gives no finite numbers.
    """

    rows: int
    damaged: dict[Any, str]
    not_finite: int


def check_places(outputs: Sequence[Output], path: epath.Path) -> None:
    """Raises a `RequestError` if an output says something of each token or pixel, and the file is a table."""
    for output in outputs:
        if output.shape and path.suffix.lower() != ".npz":
            name = f"the output {output.name!r}" if output.name else "the model"
            shape = " × ".join(str(length or "any") for length in output.shape)
            raise RequestError(
                f"{name} predicts something for each of the {shape} places of an example, which no row holds: "
                f"write an .npz, --output={path.with_suffix('.npz').name}"
            )


def write_predictions(
    path: epath.Path, inputs: Inputs, predict: SampledPrediction, batch_size: int, skip_damaged: bool = False
) -> Written:
    """Predicts all inputs and writes a file, which is there once it is whole.

    Args:
        path: a .csv, .parquet or .npz.
        inputs: what is to be predicted.
        predict: by what.
        batch_size: inputs at once.
        skip_damaged: whether inputs that cannot be read have no row; else theirs is empty but for the key.
    """
    outputs, sampled = predict.outputs, predict.times > 1
    as_arrays = path.suffix.lower() == ".npz"
    named = {"key": "integer" if isinstance(inputs.keys, range) else columns.TEXT}
    for output in outputs:
        named |= columns.names_of(output, sampled)
    make = columns.arrays_of if as_arrays else columns.columns_of
    rows, not_finite, damaged = 0, 0, dict[Any, str]()
    constants = table_file.constants_of(outputs)
    with table_file.opened(path, named, constants) as file, Counting(len(inputs.keys)) as progress:
        for indices, (given, reasons) in _ahead(inputs, batch_size):
            good = np.array([place not in reasons for place in range(len(indices))])
            damaged |= {inputs.keys[indices[place]]: reason for place, reason in reasons.items()}
            kept = good if skip_damaged else np.ones_like(good)
            if good.any():
                predicted = predict(given, indices[good])
            elif kept.any():
                predicted = [_nothing(output, sampled) for output in outputs]
            if kept.any():
                batch: dict[str, Any] = {"key": [inputs.keys[i] for i in indices[kept]]}
                for output, moments in zip(outputs, predicted):
                    not_finite += int((~_finite(moments[0])).sum()) if output is outputs[0] else 0
                    batch |= make(output, *(_spread(values, good[kept]) for values in moments))
                file.write(batch)
            rows += int(kept.sum())
            progress.advance(len(indices))
    return Written(rows, damaged, not_finite)


def _ahead(inputs: Inputs, batch_size: int) -> Iterator[tuple[np.ndarray, Any]]:
    """The indices of each batch, and what is fetched of it while the one before is predicted."""
    number = len(inputs.keys)
    batches: Iterable[np.ndarray] = (
        np.arange(start, min(start + batch_size, number)) for start in range(0, number, batch_size)
    )
    with ThreadPoolExecutor(1) as thread:
        before = None
        for indices in batches:
            coming = indices, thread.submit(inputs.fetch, indices)
            if before is not None:
                yield before[0], before[1].result()
            before = coming
        if before is not None:
            yield before[0], before[1].result()


def _nothing(output, sampled):
    """Mean and deviation of no examples."""
    empty = np.zeros((0, *(length or 1 for length in output.shape), output.size))
    return empty, empty if sampled else None


def _spread(values, good):
    """The values with NaN where an input could not be read."""
    if values is None or len(values) == len(good):
        return values
    spread = np.full((len(good), *values.shape[1:]), np.nan)
    spread[good] = values
    return spread


def _finite(values):
    return np.isfinite(values).all(axis=tuple(range(1, values.ndim)))
