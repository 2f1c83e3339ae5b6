"""The end of a run: the test, once, and the models that it leaves."""

from typing import Any

from absl import logging

from tf_tricks.data import Source
from tf_tricks.training.run import Run
from tf_tricks.training.run_log import RunLog
from tf_tricks.training.saved_model import export_if_possible
from tf_tricks.training.workdir import finish, writing


def test_once(run: Run, log: RunLog, test: Source | None) -> None:
    """Evaluates the model that was asked for on the test set: the best, where one is kept, else the last.

    Its results are in the log and in the history, with `test_` before their names.

    Args:
        run: that has ended.
        log: still open.
        test: a source, or None for no test.
    """
    best = run.best
    if best is not None and best.value is None:
        logging.warning("no epoch had a finite %s: there is no best model", best.name)
    if test is None:
        return
    if best is None or best.value is None:
        results = run.trainer.evaluate(test)
        log.line("test", run.progress, results)
    else:
        with best.lent(run.model):
            results = run.trainer.evaluate(test)
        log.line("test", best.progress, results, checkpoint="best")
    run.model.history.history |= {f"test_{name}": [value] for name, value in results.items()}


def leave_models(folder: Any, run: Run, epochs: float) -> None:
    """Writes the last model and the best, and notes in config.json that the run has ended.

    Args:
        folder: the run's, `etils.epath.Path`.
        run: that has ended.
        epochs: how long it was to be.
    """
    best = run.best
    with writing(folder):
        export_if_possible(folder, run.model)
        if best is None:
            finish(folder, epochs)
            return
        if best.value is not None:
            with best.lent(run.model):
                export_if_possible(folder, run.model, "best")
        finish(folder, epochs, best=best.summary())
