"""Evaluates a finished run's model once, on its own data or on others, and reports on its predictions.

tf-tricks evaluate --workdir=runs/digits --split=test
tf-tricks evaluate --workdir=runs/mine --data=held_out.npz --checkpoint=best
tf-tricks evaluate --workdir=runs/pets --data=more_pets
tf-tricks evaluate --workdir=runs/digits --metrics=accuracy,f1_score --report=report
"""

import sys

from absl import flags

from tf_tricks.commands import output_file, program
from tf_tricks.errors import RequestError, RunError, unknown
from tf_tricks.storage import Mirror, path_of

SPLITS = ("train", "validation", "test")

flags.DEFINE_string("workdir", None, "the run's folder, of tf-tricks train or of Trainer.fit", allow_override=True)
flags.DEFINE_string("split", None, f"{', '.join(SPLITS[:-1])} or {SPLITS[-1]}, by default test")
flags.DEFINE_string("data", None, "in place of the run's: .npz of x and y, a folder of pictures, .csv or .parquet")
flags.DEFINE_string(
    "checkpoint", "last", "last, the model at the end of the run, or best, that of keep_best", allow_override=True
)
flags.DEFINE_string("device", "auto", "auto (TPU, else GPUs, else CPU), cpu, gpu or tpu", allow_override=True)
flags.DEFINE_string("metrics", None, "names of metrics in place of the run's: accuracy,f1_score")
flags.DEFINE_string("weighted_metrics", None, "likewise; these see the weights of the examples")
flags.DEFINE_string("report", None, "a folder for a report: each class, confusion, calibration, the most wrong")


def run(argv: list[str]) -> int:
    """Runs the program and returns its exit status."""
    own_flags = ["workdir", "split", "data", "checkpoint", "backend", "device", "metrics", "weighted_metrics", "report"]
    return program.run(main, own_flags, argv)


def main() -> None:
    """Evaluates from the flags."""
    from tf_tricks.commands import data_of_ones_own, finished_run, run_files
    from tf_tricks.engines import devices
    from tf_tricks.training.metrics_file import numbers

    given = flags.FLAGS
    if not given.workdir:
        raise RequestError("say which run: --workdir=runs/NAME")
    split = given.split or "test"
    if split not in SPLITS:
        raise unknown("split", split, SPLITS)
    if given.split and given.data:
        raise RequestError(f"--split={split} is of the run's own data, and --data={given.data} is other: leave one out")
    if given.data is not None:
        data_of_ones_own.check(given.data)
    report = None if given.report is None else output_file.check_folder(given.report, "report.json", "the report")
    folder = path_of(given.workdir)
    finished_run.check_checkpoint(given.checkpoint)
    config = finished_run.read_config(folder)
    if config is None and given.data is None:
        raise RequestError(
            f"the run in {folder} was trained by Trainer.fit, on data that only that program knows: say on which to "
            "evaluate it, --data=FILE.npz with arrays x and y, or --data=FOLDER of pictures"
        )
    run_files.run_code(folder)
    strategy = devices.strategy(given.device)
    run = finished_run.load(folder, config, strategy, given.checkpoint)
    source = None if run.splits is None else getattr(run.splits, split)
    if given.data is not None:
        source, said = data_of_ones_own.read(given.data, folder, config, run)
        print("".join(f"{line}\n" for line in said), end="")
    if source is None:
        raise RequestError(f"the data of the run in {folder} has no {split} split")
    trainer = run.trainer()
    if any(text is not None for text in (given.metrics, given.weighted_metrics, given.report)):
        outputs = _outputs(trainer, source)
        if given.metrics is not None or given.weighted_metrics is not None:
            trainer = run.trainer(**_metrics(strategy, outputs))
    results = trainer.evaluate(source)
    what = split if given.data is None else "data"
    print("  ".join(f"{what} {name} {value:.4f}" for name, value in numbers(results).items()))
    if report is not None:
        _report(trainer, source, what, results, report, folder)


def _outputs(trainer, source):
    """What the model's outputs mean; what had to be assumed is said."""
    from tf_tricks.training.examples import check_examples
    from tf_tricks.training.outputs import outputs_of

    check_examples(trainer, source, "the data to evaluate")  # from here on the losses are known
    outputs = outputs_of(trainer.model, source)
    for output in outputs:
        if output.assumed:
            print(f"assumed: {output.assumed}")
    return outputs


def _metrics(strategy, outputs):
    """The metrics that the flags name, as arguments of `Trainer`, in place of all that the run has."""
    from tf_tricks.training import metrics_by_name

    given = {key: flags.FLAGS[key].value for key in ("metrics", "weighted_metrics")}
    read = {key: [] if text is None else metrics_by_name.read(text) for key, text in given.items()}
    with strategy.scope():
        return {key: metrics_by_name.for_outputs(named, outputs) for key, named in read.items()}


def _report(trainer, source, what, results, path, folder):
    """Writes the report, and shows its pictures in the run's TensorBoard."""
    from tf_tricks.commands import run_files
    from tf_tricks.reports.report import report_on
    from tf_tricks.training.tensorboard import TensorBoard

    report = report_on(trainer, source, what, results)
    print("\n".join(report.lines))
    for name, content in report.files.items():
        output_file.write_below(path, name, content, "the report")
    try:
        mirror = Mirror(folder / "tensorboard")
        board = TensorBoard(mirror.local / what, first_step=None)
        for tag, png in report.pictures.items():
            board.image(run_files.last_step(folder), tag, png)
        board.close()
        mirror.upload()
        mirror.close()
    except OSError as error:
        raise RunError(f"the run's TensorBoard in {folder} cannot be written: {error.strerror or error}") from error
    print(f"written: {path} ({', '.join(report.files)})")


if __name__ == "__main__":
    sys.exit(run(sys.argv))
