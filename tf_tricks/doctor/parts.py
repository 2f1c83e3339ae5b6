"""What the set-up is made of: weights that are not trained, a batch that is none, parts that do not go together."""

from collections.abc import Callable

from tf_tricks.doctor.conflicts import conflicts
from tf_tricks.doctor.finding import Checked, Finding
from tf_tricks.doctor.frozen import frozen
from tf_tricks.doctor.patient import Patient


def check(patient: Patient, progress: Callable[[str], None]) -> Checked:
    """Looks at the parts of a set-up, without running it.

    Args:
        patient: `Patient`.
        progress: function of a line.
    """
    progress("looking at what goes with what")
    findings = [*frozen(patient.trainer.model), *_too_few_examples(patient), *conflicts(patient)]
    return Checked(findings)


def _too_few_examples(patient):
    size, number = int(patient.trainer.batch_size(0.0)), patient.stream.source.num_examples
    if size <= number:
        return []
    return [
        Finding(
            "batch_too_large",
            f"a batch of {size:,} is larger than the training set of {number:,} examples",
            "An update needs a batch of different examples.",
            f"config.batch_size = {max(1, min(128, number // 10))}",
            1.0,
        )
    ]
