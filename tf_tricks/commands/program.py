"""What all programs share: how flags are read and how an end, good or bad, becomes an exit status.

0 done, 1 the run failed, 2 the request was wrong; 128 + the signal's number where Ctrl-C or SIGTERM stopped a run.
"""

import os
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import Any

from absl import flags
from absl import logging as absl_logging

from tf_tricks.commands import backend, hosts
from tf_tricks.engines.tensorflow import tpu_environment
from tf_tricks.errors import RequestError, RunError
from tf_tricks.standard_error import held_back
from tf_tricks.storage import StorageError


def run(main: Callable[[], Any], own_flags: Sequence[str], argv: list[str]) -> int:
    """Parses `argv`, imports TensorFlow, calls `main()` and returns the exit status.

    Args:
        main: function of nothing.
        own_flags: names of the flags that the program's `--help` shows.
        argv: the program's name and its arguments.
    """

    def start(arguments):
        if arguments:
            raise RequestError(f"{arguments[0]!r} is no flag; a value is given as --flag=value (see {argv[0]} --help)")
        if "device" in own_flags and os.environ[backend.VARIABLE] == "tensorflow":
            _prepare_tpu(flags.FLAGS.device, flags.FLAGS.tpu if "tpu" in own_flags else None)
        import_tensorflow()
        main()

    return run_light(start, own_flags, argv)


def run_light(main: Callable[[list[str]], Any], own_flags: Sequence[str], argv: list[str], arguments: str = "") -> int:
    """Parses `argv`, calls `main` with the arguments that are no flags and returns the exit status.

    Args:
        main: function of a list of texts; it imports TensorFlow itself where it needs it.
        own_flags: names of the flags that the program's `--help` shows.
        argv: the program's name and its arguments.
        arguments: what `--help` calls the arguments that are no flags.
    """
    name = argv[0]
    sys.argv = argv  # where ml_collections looks for overrides, --config.key=value
    if "--help" in argv or "-h" in argv:
        print(f"usage: {' '.join(filter(None, [name, arguments, '[--flags]']))}\n\n{_help(own_flags)}")
        return 0
    try:
        if sum(argument.startswith("--config=") for argument in argv) > 1:
            raise RequestError("--config is given twice: leave one out")
        backend.choose(argv, any_backend="backend" in own_flags)  # a config may import Keras as soon as it is read
        if "coordinator" in own_flags:
            hosts.join(argv)
        try:
            left = flags.FLAGS(argv)[1:]
        except flags.Error as error:
            if isinstance(error.__context__, RequestError):
                raise error.__context__ from None
            raise RequestError(str(error)) from error
        except KeyError as error:  # of ml_collections: --config.data={…} has come between
            raise RequestError(f"an override beside that of its whole dict: put it into the dict ({error})") from error
        absl_logging.set_verbosity(absl_logging.WARNING)
        absl_logging.use_absl_handler()
        absl_logging.get_absl_handler().setFormatter(None)
        main(left)
        sys.stdout.flush()
        hosts.end(None, 0)
    except RequestError as error:
        return _say(name, error, 2)
    except (RunError, StorageError) as error:
        return _say(name, error, 1)
    except BrokenPipeError:  # whoever reads has read enough: `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except Exception as error:  # somebody's own code: the others would wait for this process
        if hosts.are_several():
            traceback.print_exc()
            hosts.end(f"{type(error).__name__}: {error}", 1)
        raise
    except KeyboardInterrupt as interrupt:
        return _say(name, str(interrupt) or "interrupted", 128 + getattr(interrupt, "signal_number", 2))
    return 0


def import_tensorflow() -> None:
    """Imports TensorFlow without the lines about CPU features and CUDA that its C++ side prints on standard error."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    if os.environ.get(tpu_environment.LIBRARY):
        _import_with_driver(os.environ[tpu_environment.LIBRARY])
        return
    with held_back() as caught:
        try:
            import tensorflow as tf

            tf.config.list_physical_devices()
        except BaseException:
            caught.show()
            raise


def _import_with_driver(library):
    # Nothing on standard error is held back: a driver that fails may end the process.
    try:
        import tensorflow  # noqa: F401
    except Exception as error:
        raise RequestError(
            f"TensorFlow cannot load {library}, which {tpu_environment.LIBRARY} names as the TPU's driver: {error}"
        ) from error


def _prepare_tpu(device, name):
    if tpu_environment.asked_for(device, name) == "local":
        tpu_environment.check()
        tpu_environment.prepare()


def _help(own_flags):
    lines = []
    for flag in own_flags:
        default = flags.FLAGS[flag].default
        shown = f" (default: {default})" if default is not None else ""
        lines.append(f"  --{flag}: {flags.FLAGS[flag].help}{shown}")
    return "\n".join(lines)


def _say(name, message, status):
    text = " ".join(str(message).split())
    if status == 1:
        hosts.wait_for_reason()  # another process may be lost: that is why, then
    print(f"{name}: {text}", file=sys.stderr)
    hosts.end(text, status)
    return status
