"""Writes a run's model for other programs, loads what was written, and keeps it if it computes the same.

tf-tricks export --workdir=runs/digits --format=tflite --output=digits.tflite
tf-tricks export --workdir=runs/digits --format=tflite --quantize=int8 --output=small.tflite
tf-tricks export --workdir=runs/digits --format=saved_model --output=digits_model
"""

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from absl import flags
from etils import epath

from tf_tricks.commands import output_file, program
from tf_tricks.errors import RequestError, RunError, check_number, unknown
from tf_tricks.standard_error import held_back
from tf_tricks.storage import is_remote, path_of

FORMATS = {"keras": ".keras", "saved_model": "", "tflite": ".tflite", "onnx": ".onnx"}
"""The suffix of each format; a SavedModel is a folder."""

flags.DEFINE_string("workdir", None, "the run's folder, of tf-tricks train or of Trainer.fit", allow_override=True)
flags.DEFINE_string("format", None, "keras, saved_model (a folder), tflite or onnx")
flags.DEFINE_string("output", None, "the new file or folder", allow_override=True)
flags.DEFINE_string("checkpoint", "last", "last, the model at the end, or best, that of keep_best", allow_override=True)
flags.DEFINE_string("quantize", None, "int8: a tflite file that computes in 8-bit integers")
flags.DEFINE_integer("calibration", 300, "training examples by which to choose the ranges of the integers")
flags.DEFINE_string("data", None, "an .npz with arrays x and y, in place of the run's own data", allow_override=True)


def run(argv: list[str]) -> int:
    """Runs the program and returns its exit status."""
    return program.run(main, ["workdir", "format", "output", "checkpoint", "quantize", "calibration", "data"], argv)


def main() -> None:
    """Exports from the flags."""
    given = flags.FLAGS
    if not given.workdir:
        raise RequestError("say which run: --workdir=runs/NAME")
    output = _check_output(given.format, given.output)
    _check_quantization(given.format, given.quantize, given.calibration)

    from tf_tricks.commands import exporting, finished_run, run_files
    from tf_tricks.export import to_onnx

    if given.format == "onnx":
        to_onnx.check_installed()
    finished_run.check_checkpoint(given.checkpoint)
    folder = path_of(given.workdir)
    config = finished_run.read_config(folder)
    run_files.run_code(folder)
    with _beside(output) as scratch:
        path = scratch / output.name
        calibration = given.calibration if given.quantize else None
        _use_cpu()
        with held_back():  # converters tell much
            lines = exporting.export(folder, config, given.format, path, calibration, given.data, given.checkpoint)
        size = _size(path)
        _keep(path, output)
    print(f"exported: {output}  {size}  {lines[0]}", *lines[1:], sep="\n")


def _use_cpu():
    """Computes on the CPU only, as the runtimes that the outputs are compared with."""
    import tensorflow as tf

    if tf.config.list_physical_devices("GPU"):
        tf.config.set_visible_devices([], "GPU")


def _check_output(format, given):
    if format is None:
        raise RequestError(f"say in which format: --format={', '.join(FORMATS)}")
    if format not in FORMATS:
        raise unknown("format", format, FORMATS)
    if not given:
        raise RequestError(f"say where to write it: --output=model{FORMATS[format]}")
    if format == "saved_model":
        if (suffix := path_of(given).suffix) in (*FORMATS.values(), ".h5", ".pb") and suffix:
            raise RequestError(f"a SavedModel is a folder: name one that does not end with {suffix}, not {given!r}")
        return output_file.check_new_folder(given, "the folder of the export")
    path = output_file.check(given, (FORMATS[format],), f"the {format} file")
    output_file.check_new(path, f"the {format} file")
    return path


def _check_quantization(format, quantize, calibration):
    if quantize not in (None, "int8"):
        raise unknown("quantization", quantize, ["int8"])
    if quantize and format != "tflite":
        raise RequestError(f"--quantize={quantize} is of --format=tflite, not of {format}")
    if not quantize and flags.FLAGS["calibration"].present:
        raise RequestError("--calibration is of --quantize=int8: say both, or neither")
    check_number("calibration", calibration, minimum=1, integer=True)


@contextlib.contextmanager
def _beside(output: epath.Path) -> Iterator[Path]:
    """A folder for what is not checked yet: beside its place, so that it need only be renamed; gone afterwards."""
    remote = is_remote(output)
    try:
        scratch = tempfile.TemporaryDirectory(prefix=f".{output.name}.", dir=None if remote else output.parent)
    except OSError as error:
        raise RequestError(f"nothing can be written in {output.parent}: {error.strerror or error}") from error
    with scratch as folder:
        try:
            yield Path(folder)
        except OSError as error:
            raise RunError(f"cannot write {output}: {error.strerror or error}") from error


def _keep(path, output):
    """Puts a file or a folder in its place, all or nothing; in a store, what makes a folder a SavedModel comes last."""
    if not is_remote(output):
        os.replace(path, output)
    elif path.is_file():
        output.upload(path)
    else:
        files = [file for file in path.rglob("*") if file.is_file()]
        for file in sorted(files, key=lambda file: (file.name == "saved_model.pb", file)):
            (output / file.relative_to(path).as_posix()).upload(file)


def _size(path) -> str:
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    size: Any = sum(file.stat().st_size for file in files)
    for unit in ("bytes", "kB", "MB"):
        if size < 1000:
            break
        size, unit = size / 1000, "GB" if unit == "MB" else unit
    return f"{size:.3g} {unit}"


if __name__ == "__main__":
    sys.exit(run(sys.argv))
