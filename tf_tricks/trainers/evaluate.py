"""Evaluates a finished run's model once.

tf-tricks evaluate --workdir=runs/digits --split=test
"""

import sys

from absl import flags
from etils import epath

from tf_tricks.errors import RequestError, unknown
from tf_tricks.trainers import program

SPLITS = ("train", "validation", "test")

flags.DEFINE_string("workdir", None, "the run's folder", allow_override=True)
flags.DEFINE_string("split", "test", f"{', '.join(SPLITS[:-1])} or {SPLITS[-1]}")
flags.DEFINE_string("device", "auto", "auto (TPU, else GPUs, else CPU), cpu, gpu or tpu", allow_override=True)


def run(argv):
    """Runs the program and returns its exit status."""
    return program.run(main, ["workdir", "split", "device"], argv)


def main():
    """Evaluates from the flags."""
    import keras

    from tf_tricks.trainers import parts, run_files
    from tf_tricks.training import devices
    from tf_tricks.training.logging import numbers
    from tf_tricks.training.trainer import Trainer

    workdir, split = flags.FLAGS.workdir, flags.FLAGS.split
    if not workdir:
        raise RequestError("say which run: --workdir=runs/NAME")
    if split not in SPLITS:
        raise unknown("split", split, SPLITS)
    folder = epath.Path(workdir).expanduser()
    config = run_files.read_config(folder)
    if not run_files.is_finished(folder):
        raise RequestError(f"the run in {folder} is not finished: it has no model.keras yet; train it first")
    strategy = devices.strategy(flags.FLAGS.device)
    built = parts.build(config, strategy)
    source = getattr(built.splits, split)
    if source is None:
        raise RequestError(f"the data of the run in {folder} has no {split} split")
    with strategy.scope():
        try:
            model = keras.models.load_model(folder / "model.keras", compile=False)
        except (OSError, ValueError, KeyError) as error:
            raise RequestError(f"{folder / 'model.keras'} cannot be read: {str(error).splitlines()[0]}") from error
    results = Trainer(model, **built.trainer_arguments).evaluate(source)
    print("  ".join(f"{split} {name} {value:.4f}" for name, value in numbers(results).items()))


if __name__ == "__main__":
    sys.exit(run(sys.argv))
