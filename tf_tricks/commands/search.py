"""Searches a config's hyper-parameters: coarse over the whole space, then finer where the best trials were.

tf-tricks search --config=digits --space=sgd --trials=64 --coarse_epochs=3 --workdir=runs/search
"""

import shlex
import sys
from typing import Any

from absl import flags

from tf_tricks.commands import program
from tf_tricks.config import config_file
from tf_tricks.errors import RequestError, RunError, check_number
from tf_tricks.storage import is_remote, path_of

OWN_FLAGS = (
    *("config", "space", "workdir", "trials", "coarse_share", "coarse_epochs", "fine_epochs", "seeds", "seed"),
    *("sampler", "sampler_seed", "pruner", "metric", "direction", "storage", "study", "jobs", "backend", "device"),
)

_CONFIG = config_file.define("config", "whose values are searched")
flags.DEFINE_string("workdir", None, "the search's folder, a run for each trial in it", allow_override=True)
flags.DEFINE_string("device", "auto", "auto (TPU, else GPUs, else CPU), cpu, gpu or tpu", allow_override=True)
flags.DEFINE_integer("seed", None, "overrides config.seed", allow_override=True)
flags.DEFINE_string("space", None, "a FILE.py with get_space, or a packaged one: sgd, adam")
flags.DEFINE_integer("trials", 64, "how many to train, in both stages together")
flags.DEFINE_float("coarse_share", 0.75, "the part of them that is coarse; 1 for a single stage")
flags.DEFINE_float("coarse_epochs", 3.0, "how long a coarse trial is trained")
flags.DEFINE_float("fine_epochs", None, "how long a finer one is; by default 3 times as long, at most as the config")
flags.DEFINE_integer(
    "seeds", 1, "runs of a trial, with seeds from config.seed on; trials are compared by the mean", allow_override=True
)
flags.DEFINE_string("sampler", "random", "random, grid, quasi_random or tpe")
flags.DEFINE_integer("sampler_seed", 0, "of what is drawn")
flags.DEFINE_string("pruner", "none", "what ends bad trials early: none, median or hyperband")
flags.DEFINE_string(
    "metric", None, "of the validation, val_accuracy; by default the first of the config's metrics", allow_override=True
)
flags.DEFINE_string(
    "direction", None, "up or down, where it is better; by default what Keras knows of the metric", allow_override=True
)
flags.DEFINE_string(
    "storage", None, "of the trials: a .journal file or a URL, postgresql://…; by default in the workdir"
)
flags.DEFINE_string("study", "search", "its name in the storage")
flags.DEFINE_integer("jobs", 1, "processes on this machine, one an accelerator")


def run(argv: list[str]) -> int:
    """Runs the program and returns its exit status."""
    if any(argument.startswith("--jobs=") and argument != "--jobs=1" for argument in argv):
        return program.run_light(lambda _: _run_jobs(argv), OWN_FLAGS, argv)
    return program.run(main, OWN_FLAGS, argv)


def main() -> None:
    """Searches from the flags."""
    import tensorflow as tf

    from tf_tricks.config import parts
    from tf_tricks.engines import devices
    from tf_tricks.search import space
    from tf_tricks.search.choices import check_choices
    from tf_tricks.search.compared import compared
    from tf_tricks.search.kept_trainers import KeptTrainers
    from tf_tricks.search.ledger import Ledger
    from tf_tricks.search.request import Request, check_folder, check_studies, claimed, id_in, own_studies
    from tf_tricks.search.searcher import search
    from tf_tricks.search.storage import alone, open_storage

    # What is asked for, and whether it can be done: nothing is written up to the end of this part
    given = flags.FLAGS
    folder = _folder()
    check_folder(folder)
    seed = {} if given.seed is None else {"seed": given.seed}
    config = parts.resolve(parts.plain(_CONFIG.value) | seed)
    found = space.load(given.space, config)
    strategy = devices.strategy(given.device, None, None)
    if config["deterministic"]:
        tf.config.experimental.enable_op_determinism()
    trainers = KeptTrainers(strategy)
    check_number("coarse_epochs", given.coarse_epochs, above=0)
    trainer, _, arguments = trainers.get(config | {"epochs": given.coarse_epochs})
    metric, direction = compared(trainer, arguments["validation"], given.metric, given.direction)
    request = Request(
        config=config,
        space=found,
        metric=metric,
        direction=direction,
        **{
            key: getattr(given, key)
            for key in ("trials", "coarse_share", "coarse_epochs", "fine_epochs", "seeds", "sampler", "sampler_seed")
        },
        pruner=given.pruner,
    )
    plan = request.plan(given.study)
    check_choices(found, config | {"epochs": given.coarse_epochs}, trainers)
    storage = None if given.storage is None else open_storage(given.storage, folder)

    # The folder becomes this search's, or is it already
    if storage is not None:
        check_studies(Ledger(storage, folder, plan), id_in(folder))
    folder.mkdir(parents=True, exist_ok=True)
    with alone(folder):
        own = claimed(folder, request)
        ledger = Ledger(storage or open_storage(None, folder), folder, plan)
        check_studies(ledger, own)
        own_studies(ledger, own)
    print(_described(plan, metric, request.seeds))
    search(ledger, config, trainers, request.seeds, metric, _Teller(ledger, metric))
    _finish(ledger, request, folder)


def _folder() -> Any:
    given = flags.FLAGS
    for name, example in (("config", "digits"), ("space", "sgd"), ("workdir", "runs/search")):
        if not getattr(given, name):
            raise RequestError(f"say --{name}, as in --{name}={example}")
    if is_remote(given.workdir) and given.storage is None:
        raise RequestError(f"the search's folder {given.workdir} is remote, so that its trials need a --storage=URL")
    return path_of(given.workdir)


def _run_jobs(argv):
    from tf_tricks.search.jobs import run_jobs
    from tf_tricks.search.request import FILE, check_folder

    number = check_number("jobs", flags.FLAGS.jobs, minimum=1, maximum=1000, integer=True)
    folder = _folder()
    check_folder(folder)
    arguments = ["search", *(argument for argument in argv[1:] if not argument.startswith("--jobs="))]
    status = run_jobs(arguments, number, lambda: (folder / FILE).exists())
    if status:
        sys.exit(status)  # the job has said why


def _described(plan, metric, seeds):
    """What is searched, in a line or two."""
    from tf_tricks.search.labels import counted

    stages = ", then ".join(
        f"{counted(stage.trials, f'{stage.name} trial')} of {counted(stage.epochs, 'epoch')}" for stage in plan.stages
    )
    runs = "" if seeds == 1 else f", {seeds} runs each"
    way = "highest" if plan.direction == "up" else "lowest"
    return f"{stages}{runs}, for the {way} {metric}, over {', '.join(plan.space)}"


class _Teller:
    """Prints a line for each trial that has ended here, beside the best of its stage, of all processes."""

    def __init__(self, ledger, metric):
        self._ledger, self._metric = ledger, metric

    def __call__(self, number, values, outcome):
        stage = [stage for stage in self._ledger.plan.stages if stage.first <= number][-1]
        ended = [trial.value for trial in self._ledger.trials(stage) if trial.state.name == "COMPLETE"]
        choose = max if self._ledger.plan.direction == "up" else min
        best = f"  best {choose(ended):.4f}" if ended else ""
        value = outcome.value
        shown = f"{self._metric} {value:.4f}" if value is not None else f"{outcome.outcome}: {outcome.note}"
        print(f"trial {number}  {shown}{best}  {outcome.seconds:.1f} s  {_drawn(values)}", flush=True)


def _drawn(values):
    from tf_tricks.search.distributions import value_of
    from tf_tricks.search.labels import text_of

    return "  ".join(f"{path}={text_of(value_of(value))}" for path, value in values.items())


def _finish(ledger, request, folder):
    """Writes what the search has found, once, and says it."""
    from tf_tricks.commands import found_runs, hparams_page
    from tf_tricks.search import outputs
    from tf_tricks.search.storage import alone

    with alone(folder):
        results = outputs.collected(ledger)
        best = outputs.write(folder, request, results, shlex.join(["tf-tricks", "search", *sys.argv[1:]]))
        if not (folder / "hparams").exists():
            runs, _ = found_runs.find([str(folder / "trials")])
            hparams_page.write(folder / "hparams", runs)
    if best is None:
        raise RunError(f"no trial has come to its end: {folder / 'trials.csv'} says why")
    print(f"best: trial {best.number}, {request.metric} {best.value:.4f}: {_drawn(best.params)}")
    place, run_folder = (shlex.quote(str(folder / name)) for name in ("best.py", "best"))
    print(f"see {folder / 'report.html'}; train it to its end, with the test: ", end="")
    print(f"tf-tricks train --config={place} --workdir={run_folder}")


if __name__ == "__main__":
    sys.exit(run(sys.argv))
