"""Writes a finished run's predictions for pictures, arrays or a table to a file.

tf-tricks predict --workdir=runs/digits --input=pictures --output=predictions.csv
tf-tricks predict --workdir=runs/digits --input=new.npz --output=predictions.parquet --augment=flip --augment_times=8
"""

import ast
import os
import sys
from typing import Any

from absl import flags

from tf_tricks.commands import output_file, program
from tf_tricks.errors import RequestError, RunError, check_number
from tf_tricks.storage import path_of

flags.DEFINE_string("workdir", None, "the run's folder, of tf-tricks train or of Trainer.fit", allow_override=True)
flags.DEFINE_string("input", None, "a folder of pictures, a picture, an .npz, .npy, .csv or .parquet")
flags.DEFINE_string("output", None, "a file for the predictions, .csv, .parquet or .npz", allow_override=True)
flags.DEFINE_string("checkpoint", "last", "last, the model at the end, or best, that of keep_best", allow_override=True)
flags.DEFINE_string("device", "auto", "auto (TPU, else GPUs, else CPU), cpu, gpu or tpu", allow_override=True)
flags.DEFINE_integer("batch_size", 64, "examples at once, over all devices")
flags.DEFINE_integer("monte_carlo", None, "predict so many times with dropout: the mean, and how much they differ")
flags.DEFINE_integer("augment_times", None, "predict so many augmented variants: the mean, and how much they differ")
flags.DEFINE_string("augment", None, "the augmentation of --augment_times, such as flip, by default the run's")
flags.DEFINE_bool("skip_damaged", False, "leave pictures out that cannot be read, in place of an empty row")


def run(argv: list[str]) -> int:
    """Runs the program and returns its exit status."""
    own_flags = [
        "workdir",
        "checkpoint",
        "input",
        "output",
        "backend",
        "device",
        "batch_size",
        "monte_carlo",
        "augment_times",
    ]
    return program.run(main, [*own_flags, "augment", "skip_damaged"], argv)


def main() -> None:
    """Predicts from the flags."""
    import keras

    from tf_tricks.commands import finished_run, run_files
    from tf_tricks.commands.run_signature import signature_of
    from tf_tricks.data.inputs import read_inputs
    from tf_tricks.engines import devices
    from tf_tricks.reports.prediction_file import check_places, write_predictions
    from tf_tricks.training import saved_model

    # What is asked for, and whether it can be done
    given = flags.FLAGS
    path = _checked(given)
    folder = path_of(given.workdir)
    finished_run.check_checkpoint(given.checkpoint)
    config = finished_run.read_config(folder)
    run_files.run_code(folder)
    strategy = devices.strategy(given.device)
    keras.utils.set_random_seed(0 if config is None else config["seed"])  # of dropout, which a saved model has anew
    with strategy.scope():
        model = saved_model.load(folder, compile=False, checkpoint=given.checkpoint)
    spec, outputs = signature_of(folder, config, strategy, model)
    check_places(outputs, path)
    inputs = read_inputs(given.input, config, model, spec)
    predict = _prediction(given, config, strategy, model, outputs, spec)

    # The predictions
    for line in [*inputs.said, *(f"assumed: {output.assumed}" for output in outputs if output.assumed)]:
        print(line)
    written = write_predictions(path, inputs, predict, given.batch_size, given.skip_damaged)
    for key, reason in written.damaged.items():
        print(f"damaged: {os.path.join(given.input, key) if os.path.isdir(given.input) else given.input}: {reason}")
    print(f"written: {path} ({written.rows:,} rows)")
    sys.stdout.flush()
    if written.damaged and not given.skip_damaged:
        raise RunError(
            f"{len(written.damaged)} of {len(inputs.keys)} pictures cannot be read, their rows are empty: mend them, "
            "or leave them out with --skip_damaged"
        )
    if written.not_finite:
        raise RunError(f"the model gives numbers that are not finite for {written.not_finite} rows, which are empty")


def _checked(given):
    """The path of the file to write; what the flags alone say wrong is refused."""
    from tf_tricks.reports import table_file

    if not given.workdir:
        raise RequestError("say which run: --workdir=runs/NAME")
    if not given.input:
        raise RequestError("say what to predict: --input=FOLDER or --input=FILE")
    if not given.output:
        raise RequestError("say where to write the predictions: --output=predictions.csv")
    for name in ("batch_size", "monte_carlo", "augment_times"):
        if getattr(given, name) is not None:
            check_number(name, getattr(given, name), minimum=1, integer=True)
    if given.monte_carlo is not None and given.augment_times is not None:
        raise RequestError("--monte_carlo and --augment_times are two ways to predict several times: leave one out")
    if given.augment is not None and given.augment_times is None:
        raise RequestError(f"--augment={given.augment} needs --augment_times, how many variants of each example")
    path = output_file.check(given.output, table_file.SUFFIXES, "the file of the predictions")
    if os.path.exists(path) and os.path.exists(given.input) and os.path.samefile(path, given.input):
        raise RequestError(f"--output={given.output} is the input: choose another file")
    return path


def _prediction(given, config, strategy, model, outputs, spec) -> Any:
    """The `SampledPrediction` that the flags ask for."""
    from tf_tricks.engines import engine
    from tf_tricks.layers.monte_carlo import sampler_of
    from tf_tricks.training.sampled_prediction import SampledPrediction

    seed = 0 if config is None else config["seed"]
    if given.monte_carlo is not None:
        return SampledPrediction(engine().Prediction(strategy, sampler_of(model)), outputs, given.monte_carlo)
    predict = engine().Prediction(strategy, model)
    if given.augment_times is None:
        return SampledPrediction(predict, outputs)
    augment = _augmentation(given.augment, config, outputs, spec)
    return SampledPrediction(predict, outputs, given.augment_times, augment, seed)


def _augmentation(named, config, outputs, spec):
    """The augmentation that is named, or the run's own."""
    from tf_tricks import augment

    if spec is not None and len(spec.shape) != 3:
        raise RequestError(f"augmentations change images, and the inputs of the run are {spec.shape}")
    if named is None and (config is None or config["augment"] is None):
        raise RequestError("the run has no augmentation of its own: name one, such as --augment=flip")
    if named is not None and named.startswith(("{", "[")):
        try:
            named = ast.literal_eval(named)
        except (SyntaxError, ValueError) as error:
            raise RequestError(f"--augment={named} cannot be read: say a name, or {{'name': 'flip'}}") from error
    classes = outputs[0].classes
    known = dict(num_classes=len(classes) if classes else None, total_epochs=config["epochs"] if config else 1)
    return augment.get(config["augment"] if named is None else named, **known, num_examples=1)


if __name__ == "__main__":
    sys.exit(run(sys.argv))
