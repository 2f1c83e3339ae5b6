"""What the tests of requests share: a small run, and what a refusal must look like."""

import re

DIGITS = "--config=configs/digits.py"
MLP = "--config.model={'name':'mlp','hidden':[8]}"
TINY = (DIGITS, MLP, "--config.epochs=1")


def contents(folder):
    """Every path below `folder` with the bytes of the files; None if there is no such folder."""
    if not folder.exists():
        return None
    return {path: path.read_bytes() if path.is_file() else None for path in sorted(folder.rglob("*"))}


def assert_sentence(outcome, status, pattern):
    assert outcome.status == status, outcome.err
    assert "Traceback" not in outcome.err
    # TensorFlow 2.19 tells of the first compilation in a process, whatever the level of its log.
    lines = [line for line in outcome.err.splitlines() if not re.match(r"I\d{4} |WARNING: All log messages", line)]
    assert 1 <= len(lines) <= 2, outcome.err
    assert re.search(pattern, outcome.err), outcome.err
