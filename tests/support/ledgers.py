"""Searches without training: a trial's value is a function of what it draws. Used by processes of their own, too."""

import json
import math
import os
import time

from etils import epath

from tf_tricks.search import choice, log_uniform
from tf_tricks.search.ledger import Ledger, Plan
from tf_tricks.search.stages import stages
from tf_tricks.search.storage import open_storage

SPACE = {"rate": log_uniform(1e-4, 1.0), "size": choice(32, 64, 128)}


def plan(trials=16, share=0.75, sampler="random", **others):
    others = {"pruner": "none", "direction": "up", "seed": 3} | others
    return Plan("search", SPACE, stages(trials, share, 1, 2), sampler, **others)


def ledger(folder, url=None, **arguments):
    os.makedirs(folder, exist_ok=True)
    return Ledger(open_storage(url, epath.Path(folder)), epath.Path(folder), plan(**arguments))


def value(drawn):
    return 1.0 - abs(math.log10(drawn["rate"]) + 2) / 10 - abs(drawn["size"] - 64) / 1000


def work(folder, name, url=None, pause=0.0, **arguments):
    """Takes trials until the search is over, and notes each beginning and end in a file of its own."""
    made = ledger(folder, url, **arguments)
    with open(os.path.join(folder, f"{name}.jsonl"), "a", buffering=1) as notes:
        while not made.is_over():
            claim = made.claim()
            if claim is None:
                time.sleep(0.01)
                continue
            notes.write(json.dumps(["begin", claim.number, claim.values]) + "\n")
            time.sleep(pause)
            claim.end("COMPLETE", value(claim.values), {"outcome": "complete"})
            notes.write(json.dumps(["end", claim.number, claim.values]) + "\n")


def die_in_a_trial(folder, url=None, **arguments):
    """Takes a trial, and is gone as by SIGKILL."""
    ledger(folder, url, **arguments).claim()
    os._exit(9)


def ended(made):
    """Number, state, drawn values and value of each trial."""
    return [
        (stage.first + trial.number, trial.state.name, trial.params, trial.value)
        for stage in made.plan.stages
        for trial in made.trials(stage)
    ]


def noted(folder, what="end"):
    """The numbers that processes have noted, of all processes."""
    lines = [line for path in epath.Path(folder).glob("*.jsonl") for line in path.read_text().splitlines()]
    return sorted(json.loads(line)[1] for line in lines if json.loads(line)[0] == what)
