"""Says which tricks of a config pay on its data: each removed alone from all, and added alone to none.

tf-tricks ablate --config=digits --tricks=augment,label_smoothing,warm_up --seeds=5 --workdir=runs/ablation
"""

import shlex
import sys
from typing import Any

from absl import flags

from tf_tricks.commands import program
from tf_tricks.config import config_file
from tf_tricks.errors import RequestError, check_number
from tf_tricks.storage import path_of

OWN_FLAGS = ("config", "tricks", "workdir", "seeds", "seed", "metric", "direction", "backend", "device")

_CONFIG = config_file.define("config", "whose tricks are compared")
flags.DEFINE_string("workdir", None, "the ablation's folder, a run for each config and seed in it", allow_override=True)
flags.DEFINE_string("device", "auto", "auto (TPU, else GPUs, else CPU), cpu, gpu or tpu", allow_override=True)
flags.DEFINE_integer("seed", None, "overrides config.seed", allow_override=True)
flags.DEFINE_string("tricks", None, "names, as augment,warm_up; or keys and paths with a value, as l2=0.001")
flags.DEFINE_integer("seeds", 5, "runs of each config, with seeds from config.seed on", allow_override=True)
flags.DEFINE_string(
    "metric",
    None,
    "of the validation, val_accuracy; by default the first of the config's metrics",
    allow_override=True,
)
flags.DEFINE_string(
    "direction", None, "up or down, where it is better; by default what Keras knows of the metric", allow_override=True
)

FILE = "request.json"


def run(argv: list[str]) -> int:
    """Runs the program and returns its exit status."""
    return program.run(main, OWN_FLAGS, argv)


def main() -> None:
    """Compares from the flags."""
    import tensorflow as tf

    from tf_tricks.config import parts
    from tf_tricks.engines import devices
    from tf_tricks.search.ablation import runner, tricks
    from tf_tricks.search.ablation.arms import arms
    from tf_tricks.search.claimed import check_folder, claimed
    from tf_tricks.search.compared import compared
    from tf_tricks.search.kept_trainers import KeptTrainers
    from tf_tricks.search.storage import alone

    # What is asked for, and whether it can be done: nothing is written up to the end of this part
    given = flags.FLAGS
    folder = _folder()
    check_folder(folder, FILE, "ablation", besides=[".lock"])
    check_number("seeds", given.seeds, minimum=1, maximum=1000, integer=True)
    seed = {} if given.seed is None else {"seed": given.seed}
    config = tricks.canonical(parts.resolve(parts.plain(_CONFIG.value) | seed))
    seeds = _seeds(config["seed"], given.seeds)
    strategy = devices.strategy(given.device, None, None)
    if config["deterministic"]:
        tf.config.experimental.enable_op_determinism()
    trainers = KeptTrainers(strategy)
    found = tricks.find(given.tricks, config, trainers.splits(config))
    of_tricks = arms(config, found)
    runner.check([of_tricks["full"]], trainers)
    trainer, _, arguments = trainers.get(of_tricks["full"].config)
    metric, direction = compared(trainer, arguments["validation"], given.metric, given.direction)
    runner.check(of_tricks.values(), trainers)

    # The folder becomes this ablation's, or is it already
    asked = {"config": config, "tricks": [trick.name for trick in found], "metric": metric, "direction": direction}
    folder.mkdir(parents=True, exist_ok=True)
    with alone(folder):
        claimed(folder, FILE, "ablation", _as_json(asked))
    print(_described(of_tricks, seeds, config, metric, direction))
    results = runner.train(of_tricks, seeds, folder, trainers, metric, _Teller(of_tricks, seeds, folder, metric))
    _finish(folder, found, of_tricks, seeds, results, metric, direction)


def _folder() -> Any:
    given = flags.FLAGS
    for name, example in (("config", "digits"), ("tricks", "augment,warm_up"), ("workdir", "runs/ablation")):
        if not getattr(given, name):
            raise RequestError(f"say --{name}, as in --{name}={example}")
    return path_of(given.workdir)


def _seeds(first, number):
    if first + number > 2**32:
        raise RequestError(f"there are no {number} seeds from {first} on: they end at 2³² − 1")
    return list(range(first, first + number))


def _as_json(asked):
    import json

    return json.loads(json.dumps(asked))


def _described(arms, seeds, config, metric, direction):
    different = len({arm.slug for arm in arms.values()})
    number = "one seed" if len(seeds) == 1 else f"{len(seeds)} seeds"
    runs = f"{different} configs with {number} each, {config['epochs']:g} epochs a run"
    return f"{runs}, for the {'highest' if direction == 'up' else 'lowest'} {metric}"


class _Teller:
    """Prints a line for each run that has ended here."""

    def __init__(self, arms, seeds, folder, metric):
        from tf_tricks.search.ablation import runner

        self._names = [name for name in {arm.run_of(seed): None for arm in arms.values() for seed in seeds}]
        self._ended = lambda: len(runner.read(folder, self._names))
        self._metric = metric

    def __call__(self, name, seed, result):
        text = f"{self._metric} {result.value:.4f}" if result.value is not None else f"{result.outcome}: {result.note}"
        time = "" if result.seconds_per_epoch is None else f"  {result.seconds_per_epoch:.2f} s an epoch"
        print(f"run {self._ended()}/{len(self._names)}  {name}, seed {seed}  {text}{time}", flush=True)


def _finish(folder, found, arms, seeds, results, metric, direction):
    """Writes what the ablation has found, and says it."""
    from tf_tricks.search.ablation import outputs, table
    from tf_tricks.search.ablation.findings import findings, notes
    from tf_tricks.search.ablation.page import write_page
    from tf_tricks.search.storage import alone

    rows = findings(found, arms, seeds, results, direction)
    command = shlex.join(["tf-tricks", "ablate", *sys.argv[1:]])
    with alone(folder):
        outputs.write_json(folder, outputs.as_json(rows, arms, seeds, results, metric, direction))
        outputs.write_csv(folder, rows)
        write_page(folder, rows, arms, seeds, results, metric, direction, command)
    print()
    print(table.printed(rows, metric))
    print()
    for name, text in table.ends(arms, seeds, results, metric):
        print(f"{name}: {text}")
    for finding in rows:
        for note in notes(finding):
            print(f"{finding.name}: {note}")
    print(table.reading(metric, direction, len(seeds)))
    print(f"see {folder / 'ablation.html'}")


if __name__ == "__main__":
    sys.exit(run(sys.argv))
