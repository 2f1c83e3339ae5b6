"""What all checks together have found, as text, as JSON and as a page."""

import dataclasses
import json
import textwrap
from typing import Any

from etils import epath

from tf_tricks.doctor.finding import NAMES, Finding, likely
from tf_tricks.doctor.page import page_of
from tf_tricks.storage import path_of

_WIDTH = 110


@dataclasses.dataclass(frozen=True)
class Diagnosis:
    """What `tt.diagnose` returns; `print` shows it.

    Attributes:
        findings: a list of `Finding`, the most likely cause first; empty where nothing is wrong.
        notes: what else is to be known, a line each: checks that were left out, and why.
        looked_at: names of the checks that were carried out.
        measured: dict of a check's name to what it has measured.

    Example:
        >>> print(Diagnosis([], []))
        Nothing was found that keeps it from training.
        >>> found = Finding("batch_too_small", "a noise scale of 900", "why.", "config.batch_size = 512", 0.7)
        >>> print(Diagnosis([found], []))
        1 finding:
        <BLANKLINE>
        1. batch_too_small (likely, 0.70): the gradient of a batch is mostly noise
           measured: a noise scale of 900
           why:      why.
           change:   config.batch_size = 512
    """

    findings: list[Finding]
    notes: list[str]
    looked_at: list[str] = dataclasses.field(default_factory=list)
    measured: dict[str, Any] = dataclasses.field(default_factory=dict)

    def __str__(self) -> str:
        lines = [self.headline]
        for number, finding in enumerate(self.findings, 1):
            sure = f"{likely(finding.confidence)}, {finding.confidence:.2f}"
            lines += ["", f"{number}. {finding.name} ({sure}): {NAMES[finding.name]}"]
            for title in ("measured", "why", "change"):
                lines.append(_field(title, getattr(finding, title)))
        lines += [""] * bool(self.notes) + [_wrapped(f"note: {note}", "") for note in self.notes]
        return "\n".join(lines)

    @property
    def headline(self) -> str:
        """How many findings there are, in words."""
        number = len(self.findings)
        if not number:
            return "Nothing was found that keeps it from training."
        return "1 finding:" if number == 1 else f"{number} findings, the most likely cause first:"

    def as_dict(self) -> dict[str, Any]:
        """Returns what JSON holds: `findings`, each a dict of its fields, and `notes`."""
        found = [finding._asdict() | {"confidence": round(float(finding.confidence), 3)} for finding in self.findings]
        return {"findings": found, "notes": list(self.notes)}

    def write_json(self, path: epath.PathLike) -> None:
        """Writes `as_dict` to a file; its folder must exist."""
        from tf_tricks.storage import write_atomically

        write_atomically(path_of(path), self.json())

    def write_html(self, path: epath.PathLike) -> None:
        """Writes a page, one file that needs no other; its folder must exist."""
        from tf_tricks.storage import write_atomically

        write_atomically(path_of(path), self.html())

    def json(self) -> bytes:
        """Returns the bytes of `write_json`."""
        return (json.dumps(self.as_dict(), indent=2, ensure_ascii=False) + "\n").encode()

    def html(self) -> bytes:
        """Returns the bytes of `write_html`."""
        return page_of(self.headline, self.findings, self.notes, self.looked_at, self.measured)


def _field(title, text):
    return _wrapped(f"   {title + ':':<10}{text}", " " * 13)


def _wrapped(text, indent):
    return textwrap.fill(text, _WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
