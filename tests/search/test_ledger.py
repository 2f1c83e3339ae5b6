"""Who trains which trial: each once, whatever is killed, and the same ones as in a search that nothing disturbs."""

import random
import time

import pytest
from support import ledgers
from support.forked import Forked

from tf_tricks.search import ledger as ledger_module
from tf_tricks.search.points import points
from tf_tricks.search.stages import narrowed
from tf_tricks.training import lock

STORAGES = {"journal": None, "sqlite": "sqlite:///{}/study.db"}


@pytest.fixture(params=STORAGES)
def url(request, tmp_path):
    found = STORAGES[request.param]
    return found and found.format(tmp_path)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    ledgers.work(str(folder), "alone")
    return ledgers.ended(ledgers.ledger(str(folder)))


def forked(folder, function, *arguments):
    return Forked(function, [str(folder), *arguments], folder / "printed.txt")


def test_trials_are_the_points_of_the_sampler_in_their_order(undisturbed):
    coarse = points("random", ledgers.SPACE, 12, seed=3)
    assert [drawn for *_, drawn, _ in undisturbed[:12]] == coarse
    fine = narrowed(ledgers.SPACE, coarse, [ledgers.value(drawn) for drawn in coarse])
    best = max(coarse, key=ledgers.value)  # is trained longer now, whatever else the finer stage finds
    assert [drawn for *_, drawn, _ in undisturbed[12:]] == [best, *points("random", fine, 4, seed=3 + 12)[:3]]
    assert [value for *_, value in undisturbed] == [ledgers.value(drawn) for *_, drawn, _ in undisturbed]
    assert [number for number, *_ in undisturbed] == list(range(16))


def test_the_finer_stage_waits_for_the_coarse_one(tmp_path):
    first, second = (ledgers.ledger(str(tmp_path), trials=4) for _ in range(2))
    claims = [first.claim() for _ in range(3)]
    assert second.claim() is None  # three are being trained, and the fourth depends on them
    assert not second.is_over()
    for claim in claims:
        claim.end("COMPLETE", ledgers.value(claim.values), {})
    assert second.claim().number == 3


def test_a_trial_whose_process_was_killed_is_taken_up_again(tmp_path, url):
    dead = forked(tmp_path, ledgers.die_in_a_trial, url)
    dead.join()
    assert dead.status == 9
    made = ledgers.ledger(str(tmp_path), url)
    claim = made.claim()
    assert claim.number == 0
    assert claim.values == points("random", ledgers.SPACE, 1, seed=3)[0]
    assert made.claim().number == 1  # the one that lives keeps its own


def test_three_processes_share_a_storage(tmp_path, url, undisturbed):
    workers = [Forked(ledgers.work, [str(tmp_path), f"worker{i}", url, 0.02], tmp_path / f"{i}.txt") for i in range(3)]
    for worker in workers:
        printed = worker.join(120)
        assert worker.status == 0, printed
    assert ledgers.noted(tmp_path) == ledgers.noted(tmp_path, "begin") == list(range(16))  # nothing was trained twice
    assert ledgers.ended(ledgers.ledger(str(tmp_path), url)) == undisturbed


def test_kills_change_nothing(tmp_path, undisturbed):
    """Two processes, one of which is killed ten times in the midst of whatever it does."""
    choose = random.Random(0)
    start = lambda i: Forked(ledgers.work, [str(tmp_path), f"worker{i}", None, 0.1], tmp_path / f"{i}.txt")  # noqa: E731
    workers = [start(0), start(1)]
    for kill in range(2, 12):
        time.sleep(choose.uniform(0.02, 0.3))
        which = choose.randrange(2)
        workers[which].kill()
        workers[which] = start(kill)
    for worker in workers:
        printed = worker.join(120)
        assert worker.status == 0, printed
    assert ledgers.ended(ledgers.ledger(str(tmp_path))) == undisturbed
    assert len(set(ledgers.noted(tmp_path))) >= 16 - 10  # a kill may come between an end and its note


@pytest.mark.parametrize(("age", "number"), [(1.0, 1), (1e4, 0)])
def test_signs_of_life_count_of_another_machine(tmp_path, monkeypatch, age, number):
    made = ledgers.ledger(str(tmp_path))
    monkeypatch.setattr(ledger_module.socket, "gethostname", lambda: "another")
    claim = made.claim()
    claim.close()  # its lock is that machine's
    monkeypatch.undo()
    claim.trial.set_user_attr("beat", time.time() - age)
    assert ledgers.ledger(str(tmp_path)).claim().number == number


def test_a_sign_of_life_comes_again_and_again(tmp_path, monkeypatch):
    monkeypatch.setattr(ledger_module, "BEAT", 0.01)
    claim = ledgers.ledger(str(tmp_path)).claim()
    first = claim.trial.user_attrs["beat"]
    limit = time.monotonic() + 60
    while claim.trial.user_attrs["beat"] == first and time.monotonic() < limit:
        time.sleep(0.01)
    assert claim.trial.user_attrs["beat"] > first


def test_a_trial_that_kills_its_process_over_and_over_has_failed(tmp_path):
    made = ledgers.ledger(str(tmp_path))
    for _ in range(5):
        assert made.claim().number == 0
        made = abandoned(made, tmp_path)
    assert made.claim().number == 1
    assert made.trials(made.plan.stages[0])[0].user_attrs["outcome"] == "failed"


def test_a_trial_that_comes_further_each_time_has_not(tmp_path):
    made = ledgers.ledger(str(tmp_path))
    for i in range(8):
        claim = made.claim()
        assert claim.number == 0
        (claim.folder / "checkpoints").mkdir(exist_ok=True)
        (claim.folder / "checkpoints" / f"{i}.ckpt").write_text("")
        made = abandoned(made, tmp_path)


def abandoned(made, folder):
    """A new ledger, after the process of the one given is gone, and with it its lock on trial 0."""
    (made.folder_of(made.plan.stages[0], 0) / ".lock").unlink()
    lock._HELD.clear()
    return ledgers.ledger(str(folder))


@pytest.mark.parametrize("pruner", ["median", "hyperband"])
def test_pruners_are_those_of_optuna(tmp_path, pruner):
    made = ledgers.ledger(str(tmp_path), pruner=pruner)
    assert type(made.study(made.plan.stages[0]).pruner).__name__ == f"{pruner.capitalize()}Pruner"


def test_tpe_draws_by_what_was_good(tmp_path):
    made = ledgers.ledger(str(tmp_path), trials=60, share=1, sampler="tpe")
    ledgers.work(str(tmp_path), "alone", trials=60, share=1, sampler="tpe")
    found = ledgers.ended(made)
    assert max(value for *_, value in found) > 0.99
    late = [value for *_, value in found[30:]]
    assert sum(late) / 30 > sum(value for *_, value in found[:10]) / 10 + 0.05


@pytest.mark.parametrize("sampler", ["random", "quasi_random", "tpe"])
def test_the_largest_seed(tmp_path, sampler):
    made = ledgers.ledger(str(tmp_path), trials=4, sampler=sampler, seed=2**32 - 1)
    for _ in range(3):
        claim = made.claim()
        claim.end("COMPLETE", ledgers.value(claim.values), {})
    assert made.claim().number == 3
