"""report.html: what a search has tried and found, on one page; and its pictures as files."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from tf_tricks.reports import figure, html_page
from tf_tricks.search.best_config import train_command
from tf_tricks.search.distributions import value_of
from tf_tricks.search.labels import number_text, text_of, tick_text
from tf_tricks.search.pictures import pictures
from tf_tricks.search.results import OUTCOMES, TrialResult, paths_of, ranked
from tf_tricks.storage import path_of

_BEST = 10
_BAD = ("diverged", "out of memory", "refused", "failed")


def write_report(
    folder: Any,
    results: Sequence[TrialResult],
    space: Mapping[str, Any],
    config: Mapping[str, Any],
    metric: str,
    direction: str,
    command: str,
) -> None:
    """Writes report.html, one file that needs no other, and its pictures as pictures/NAME.png.

    Args:
        folder: the search's, which exists; may be remote. Its best.py is named, whether it is there or not.
        results: of all trials.
        space: dict of config path to Optuna's distribution; a dict or a list among its choices is JSON.
        config: the resolved config that was searched.
        metric: by which the trials are compared, `"val_accuracy"`.
        direction: "up" if a larger value is better, "down" if a smaller one is.
        command: that made the search.

    Example:
        >>> import pathlib, tempfile
        >>> folder = pathlib.Path(tempfile.mkdtemp())
        >>> trials = [TrialResult(0, "coarse", "diverged", note="the loss is NaN")]
        >>> write_report(folder, trials, {}, {"data": "digits"}, "val_loss", "down", "tf-tricks search")
        >>> "<td>the loss is NaN</td>" in (folder / "report.html").read_text()
        True
    """
    from tf_tricks.storage import write_atomically

    folder = path_of(folder)
    made = pictures(results, space, metric, direction)
    with figure.style():
        files = {name: figure.png(one.drawn) for name, one in made.items() if not isinstance(one.drawn, str)}
    (folder / "pictures").mkdir(parents=True, exist_ok=True)
    for name in made:
        path = folder / "pictures" / f"{name}.png"
        if name in files:
            write_atomically(path, files[name])
        else:
            path.unlink(missing_ok=True)  # of an earlier report

    order = ranked(results, direction)
    parts = [
        *_headline(folder, order, results, metric),
        html_page.heading("What was searched"),
        html_page.paragraph(_searched(results, config, metric, direction)),
        html_page.code(command),
        html_page.table(["parameter", "values"], [[path, range_text(space[path])] for path in space]),
    ]
    for name, one in made.items():
        if name in files:
            parts.append(html_page.picture(files[name], one.title, one.reading))
        else:
            parts += [html_page.heading(one.title), html_page.paragraph(f"There is no picture: {one.drawn}")]
    parts += _tables(order, results, metric)
    parts.append(html_page.footer(_versions()))
    write_atomically(folder / "report.html", html_page.page(f"Search for the best {metric}", parts))


def range_text(distribution: Any) -> str:
    """Returns what a distribution of Optuna's draws from.

    Example:
        >>> from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
        >>> range_text(FloatDistribution(1e-4, 1.0, log=True)), range_text(IntDistribution(2, 20, step=2))
        ('1e-4 to 1, on a logarithmic scale', 'integers from 2 to 20 in steps of 2')
        >>> range_text(CategoricalDistribution([None, "standard"]))
        'None or standard'
    """
    if hasattr(distribution, "choices"):
        texts = [text_of(value_of(choice)) for choice in distribution.choices]
        return " or ".join([", ".join(texts[:-1]), texts[-1]]) if len(texts) > 1 else texts[0]
    whole = isinstance(distribution.low, int)
    ends = [str(end) if whole else tick_text(end) for end in (distribution.low, distribution.high)]
    text = f"integers from {ends[0]} to {ends[1]}" if whole else f"{ends[0]} to {ends[1]}"
    if distribution.step not in (None, 1):
        text += f" in steps of {number_text(distribution.step)}"
    return f"{text}, on a logarithmic scale" if distribution.log else text


def _headline(folder, order, results, metric):
    if not order:
        return [html_page.paragraph(f"None of {_count(results)} is complete, so there is no best one.", "lead")]
    found = order[0]
    seeds = len(found.values)
    spread = f", the mean of {seeds} seeds from {number_text(min(found.values))} to {number_text(max(found.values))}"
    params = ", ".join(f"{path} = {text_of(value)}" for path, value in found.params.items())
    text = f"The best of {_count(results)} is trial {found.number}: {metric} {number_text(found.value)}"
    text += (spread if seeds > 1 else "") + (f", with {params}." if params else ".")
    return [
        html_page.paragraph(text, "lead"),
        html_page.paragraph("Its config is best.py; this command trains it:"),
        html_page.code(train_command(folder / "best.py")),
    ]


def _count(results):
    return f"{len(results)} trial{'' if len(results) == 1 else 's'}"


def _searched(results, config, metric, direction):
    better = {"up": "higher", "down": "lower"}[direction]
    what = ", ".join(f"{key} {text_of(config[key])}" for key in ("data", "model", "epochs") if key in config)
    numbers = Counter(r.outcome for r in results)
    outcomes = ", ".join(f"{numbers[outcome]} {outcome}" for outcome in OUTCOMES if numbers[outcome])
    stages = Counter(r.stage for r in results)
    of_stages = ", ".join(f"{number} {stage}" for stage, number in stages.items())
    sums = f"{number_text(float(sum(r.epochs for r in results)))} epochs and {_time(sum(r.seconds for r in results))}"
    return (
        f"The config has {what}. Trials are compared by {metric}, the {better} the better. There are "
        f"{_count(results)} ({of_stages}): {outcomes or 'nothing yet'}; together they took {sums}."
    )


def _time(seconds):
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [(hours, "h"), (minutes, "min"), (seconds, "s")]
    return " ".join(f"{number} {unit}" for number, unit in parts if number) or "0 s"


def _tables(order, results, metric):
    bad = [r for r in results if r.outcome in _BAD]
    rows = [[str(r.number), r.stage, r.outcome, r.note, r.folder] for r in bad]
    parts = []
    if order:
        first = order[:_BEST]
        parts += [html_page.heading(f"The best {len(first)} trials" if len(first) > 1 else "The best trial")]
        parts.append(_trials(first, metric))
    parts.append(html_page.heading("Trials that failed"))
    if bad:
        parts.append(html_page.table(["trial", "stage", "outcome", "why", "folder"], rows, numbers=[0]))
    else:
        parts.append(html_page.paragraph("None did."))
    everything = html_page.folded(f"{_count(results)}, as in trials.csv", _trials(results, metric))
    return [*parts, html_page.heading("All trials"), everything]


def _trials(results, metric):
    paths = paths_of(results)
    rows = []
    for r in results:
        value = "" if r.value is None else number_text(float(r.value))
        params = [text_of(r.params[path]) if path in r.params else "" for path in paths]
        rows.append([str(r.number), r.stage, r.outcome, value, f"{r.epochs:g}", *params])
    return html_page.table(["trial", "stage", "outcome", metric, "epochs", *paths], rows, numbers=[0, 3, 4])


def _versions():
    import importlib.metadata

    import tf_tricks

    others = [f"{name} {importlib.metadata.version(name)}" for name in ("optuna", "keras", "tensorflow", "matplotlib")]
    return f"Made by tf_tricks {tf_tricks.__version__} with {', '.join(others)}."
