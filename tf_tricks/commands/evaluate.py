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
    from tf_tricks.commands import finished_run, run_files
    from tf_tricks.training import devices
    from tf_tricks.training.metrics_file import numbers

    given = flags.FLAGS
    if not given.workdir:
        raise RequestError("say which run: --workdir=runs/NAME")
    split = given.split or "test"
    if split not in SPLITS:
        raise unknown("split", split, SPLITS)
    if given.split and given.data:
        raise RequestError(f"--split={split} is of the run's own data, and --data={given.data} is other: leave one out")
    finished_run.check_checkpoint(given.checkpoint)
    folder = epath.Path(given.workdir).expanduser()
    config = finished_run.read_config(folder)
    if config is None and given.data is None:
        raise RequestError(
            f"the run in {folder} was trained by Trainer.fit, on data that only that program knows: say on which to "
            "evaluate it, --data=FILE.npz with arrays x and y"
        )
    run_files.run_code(folder)
    strategy = devices.strategy(given.device)
    run = finished_run.load(folder, config, strategy, given.checkpoint)
    source = None if run.splits is None else getattr(run.splits, split)
    if given.data is not None:
        source = finished_run.source_of(given.data)
    if source is None:
        raise RequestError(f"the data of the run in {folder} has no {split} split")
    results = run.trainer().evaluate(source)
    what = split if given.data is None else "data"
    print("  ".join(f"{what} {name} {value:.4f}" for name, value in numbers(results).items()))


if __name__ == "__main__":
    sys.exit(run(sys.argv))
