"""Evaluates a finished run's model once, on its own data or on others.

tf-tricks evaluate --workdir=runs/digits --split=test
tf-tricks evaluate --workdir=runs/mine --data=held_out.npz --checkpoint=best
"""

import sys

from absl import flags
from etils import epath

from tf_tricks.commands import program
from tf_tricks.errors import RequestError, unknown

SPLITS = ("train", "validation", "test")

flags.DEFINE_string("workdir", None, "the run's folder, of tf-tricks train or of Trainer.fit", allow_override=True)
flags.DEFINE_string("split", None, f"{', '.join(SPLITS[:-1])} or {SPLITS[-1]}, by default test")
flags.DEFINE_string("data", None, "an .npz with arrays x and y to evaluate on, in place of the run's own data")
flags.DEFINE_string("checkpoint", "last", "last, the model at the end of the run, or best, that of keep_best")
flags.DEFINE_string("device", "auto", "auto (TPU, else GPUs, else CPU), cpu, gpu or tpu", allow_override=True)


def run(argv: list[str]) -> int:
    """Runs the program and returns its exit status."""
    return program.run(main, ["workdir", "split", "data", "checkpoint", "device"], argv)


def main() -> None:
    """Evaluates from the flags."""
    from tf_tricks.commands import run_files
    from tf_tricks.training import devices, saved_model, workdir
    from tf_tricks.training.metrics_file import numbers

    given = flags.FLAGS
    if not given.workdir:
        raise RequestError("say which run: --workdir=runs/NAME")
    split = given.split or "test"
    if split not in SPLITS:
        raise unknown("split", split, SPLITS)
    if given.split and given.data:
        raise RequestError(f"--split={split} is of the run's own data, and --data={given.data} is other: leave one out")
    if given.checkpoint not in saved_model.FILES:
        raise unknown("checkpoint", given.checkpoint, saved_model.FILES)
    folder = epath.Path(given.workdir).expanduser()
    config = run_files.read_config(folder)
    if not workdir.finished_epochs(folder):
        raise RequestError(f"the run in {folder} is not finished: it has no model.keras yet; train it first")
    if config is None and given.data is None:
        raise RequestError(
            f"the run in {folder} was trained by Trainer.fit, on data that only that program knows: say on which to "
            "evaluate it, --data=FILE.npz with arrays x and y"
        )
    run_files.run_code(folder)
    strategy = devices.strategy(given.device)
    if config is None:
        trainer, source = _of_python(folder, strategy, given.checkpoint), None
    else:
        trainer, source = _of_config(folder, config, strategy, split, given.checkpoint)
    if given.data is not None:
        source = _source_of(given.data)
    if source is None:
        raise RequestError(f"the data of the run in {folder} has no {split} split")
    results = trainer.evaluate(source)
    what = split if given.data is None else "data"
    print("  ".join(f"{what} {name} {value:.4f}" for name, value in numbers(results).items()))


def _of_config(folder, config, strategy, split, checkpoint):
    """The trainer of a run of `tf-tricks train`, and the split of its data."""
    from tf_tricks.commands import parts
    from tf_tricks.training import saved_model
    from tf_tricks.training.trainer import Trainer

    built = parts.build(config, strategy, load_weights=False)
    with strategy.scope():
        model = saved_model.load(folder, compile=False, checkpoint=checkpoint)
    return Trainer(model, **built.trainer_arguments), getattr(built.splits, split)


def _of_python(folder, strategy, checkpoint):
    """A trainer of a run of `Trainer.fit`, with the loss and the metrics that its model was saved with."""
    from tf_tricks.training import saved_model
    from tf_tricks.training.trainer import Trainer

    with strategy.scope():
        model = saved_model.load(folder, compile=True, checkpoint=checkpoint)
    if model.loss is None:
        raise RequestError(
            f"the model in {folder} was trained with a loss of its program's own, which is not saved with it: "
            "evaluate it there"
        )
    return Trainer(model, strategy=strategy)


def _source_of(file):
    """The source of the arrays x, y and, if there are weights, w of an .npz."""
    from tf_tricks.data import ArraySource
    from tf_tricks.data.archive import read_archive

    found = read_archive(file, ("x", "y", "w"), needed=("x", "y"))
    return ArraySource(found["x"], found["y"], found.get("w"))


if __name__ == "__main__":
    sys.exit(run(sys.argv))
