"""What the compiler has said of each batch size and topology: as a table, and as a dict for JSON."""

import dataclasses
from typing import Any

from tf_tricks.tpu.chips import CHIPS, SOURCE, Chip, roofline

COLUMNS = 6
"""Columns side by side in a table, at most."""

ESTIMATE = "estimate from the chip's published peak figures, not a measurement"


@dataclasses.dataclass(frozen=True)
class Result:
    """One batch size on one topology.

    Attributes:
        topology: its name.
        chips: how many there are.
        batch_size: examples an update, over all chips.
        at_once: those of them that are in memory at once, over all chips: the batch or the micro-batch.
        usable_bytes: of a chip's memory, for programs.
        parameter_bytes: of the weights that are trained.
        example: what an example is: `"image"`, or `"example"`.
        program: `compiler.Program`, or None if there is none.
        problem: the sentence that says why it does not compile or fit, or None if it does.
        needed_bytes: what the compiler says is needed where that is too much, or None.
        loops: whether the program has loops, of which operations and bytes are counted once.
    """

    topology: str
    chips: int
    batch_size: int
    at_once: int
    usable_bytes: int
    parameter_bytes: int
    example: str = "example"
    program: Any = None
    problem: str | None = None
    needed_bytes: int | None = None
    loops: bool = False

    @property
    def passes(self) -> bool:
        """Whether it compiles and fits."""
        return self.problem is None

    @property
    def needed(self) -> int | None:
        """Bytes of a chip's memory that it needs, or None if that is not known."""
        return self.needed_bytes if self.program is None else self.program.total_bytes

    @property
    def chip(self) -> Chip:
        """The `Chip`, with its published figures."""
        return CHIPS[self.topology.split(":")[0]]

    @property
    def intensity(self) -> float:
        """Operations for each byte that is read or written."""
        return self.program.flops / max(self.program.bytes_accessed, 1)

    @property
    def step_seconds(self) -> float | None:
        """Estimate of a step's time, see `roofline`; None where loops hide how much there is to do."""
        return self._roofline[0]

    @property
    def bound(self) -> str | None:
        """What the estimate says the time goes into: `"compute"` or `"memory"`; None likewise."""
        return self._roofline[1]

    @property
    def _roofline(self):
        if self.loops:
            return None, None
        return roofline(self.program.flops, self.program.bytes_accessed, self.chip)

    @property
    def examples_per_second(self) -> float | None:
        """Estimate, over all chips; None likewise."""
        if self.step_seconds is None:
            return None
        return self.batch_size / self.step_seconds if self.step_seconds else float("inf")

    def to_dict(self) -> dict[str, Any]:
        """Returns all of it as what JSON can hold."""
        found: dict[str, Any] = {
            "topology": self.topology,
            "chips": self.chips,
            "batch_size": self.batch_size,
            "batch_a_chip": self.batch_size / self.chips,
            "examples_at_once": self.at_once,
            "compiles_and_fits": self.passes,
            "problem": self.problem,
            "parameter_bytes": self.parameter_bytes,
            "memory_a_chip": {"usable": self.usable_bytes, "published": self.chip.memory, "needed": self.needed},
        }
        if self.program is None:
            return found
        program = self.program
        found["memory_a_chip"] |= {
            "arguments": program.argument_bytes,
            "temporaries": program.temporary_bytes,
            "outputs": program.output_bytes,
            "program": program.code_bytes,
        }
        found["step_a_chip"] = {
            "flops": program.flops,
            "bytes": program.bytes_accessed,
            "flops_a_byte": self.intensity,
            "loops_counted_once": self.loops,
        }
        found["collectives"] = {
            "all_reduces": program.all_reduces,
            "all_reduce_bytes": program.all_reduce_bytes,
            "others": program.other_collectives,
        }
        found["roofline"] = {
            "what": ESTIMATE,
            "step_seconds": self.step_seconds,
            "bound_by": self.bound,
            "examples_per_second": self.examples_per_second,
        }
        return found


@dataclasses.dataclass(frozen=True)
class Report:
    """All results.

    Attributes:
        results: list of `Result`.
        largest_batches: dict of topology to the largest batch that fits, None where none does; empty if it was not
            looked for.
        versions: dict of package to version.
    """

    results: list
    largest_batches: dict = dataclasses.field(default_factory=dict)
    versions: dict = dataclasses.field(default_factory=dict)

    @property
    def passes(self) -> bool:
        """Whether every step compiles and fits."""
        return all(result.passes for result in self.results)

    def __add__(self, other):
        return Report(
            self.results + other.results, self.largest_batches | other.largest_batches, self.versions | other.versions
        )

    def to_dict(self) -> dict[str, Any]:
        """Returns all of it as what JSON can hold."""
        return {
            "passes": self.passes,
            "results": [result.to_dict() for result in self.results],
            "largest_batches": self.largest_batches,
            "versions": self.versions,
            "published_figures": {"source": SOURCE, **{kind: chip._asdict() for kind, chip in CHIPS.items()}},
        }

    def __str__(self):
        blocks = [self.results[i : i + COLUMNS] for i in range(0, len(self.results), COLUMNS)]
        parts = ["\n".join(_table([_column(result) for result in block])) for block in blocks]
        notes = [f"{r.topology}, batch of {r.batch_size}: {r.problem}" for r in self.results if r.problem]
        if any(result.loops for result in self.results):
            notes.append(
                "the program has loops: the compiler counts operations and bytes of what is in them once, so that "
                "nothing can be said of its time"
            )
        for topology, batch in self.largest_batches.items():
            notes.append(
                f"{topology}: the largest batch that fits is {batch}" if batch else f"{topology}: no batch fits"
            )
        return "\n\n".join([*parts, "\n".join(notes)] if notes else parts)


def _column(result):
    """Returns a dict of row to cell."""
    cells = {
        "topology": result.topology,
        "chips": str(result.chips),
        "batch": f"{result.batch_size:,}",
        "batch a chip": f"{result.batch_size / result.chips:g}",
    }
    if result.at_once != result.batch_size:
        cells["  at once"] = f"{result.at_once / result.chips:g}"
    cells["compiles and fits"] = "yes" if result.passes else "NO"
    program = result.program
    needed = result.needed
    if program is not None:
        cells |= {
            "memory a chip: arguments": in_units(program.argument_bytes),
            "  temporaries": in_units(program.temporary_bytes),
            "  outputs and program": in_units(program.output_bytes + program.code_bytes),
        }
    cells["  in all"] = in_units(needed) if needed else "unknown"
    cells["  usable"] = in_units(result.usable_bytes)
    if needed:
        cells["  share"] = f"{100 * needed / result.usable_bytes:.3g} %"
    if program is None:
        return cells
    others = ", ".join(f"{number} {name}" for name, number in program.other_collectives.items())
    return cells | {
        "a step, each chip: FLOPs": f"{program.flops:.3g}",
        "  bytes": f"{program.bytes_accessed:.3g}",
        "  FLOPs a byte": f"{result.intensity:.3g}",
        "  all-reduces": str(program.all_reduces),
        "  their bytes": f"{program.all_reduce_bytes:,}",
        "  the parameters' bytes": f"{result.parameter_bytes:,}",
        "  other collectives": others or "none",
        "ESTIMATE from published peaks:": "",
        "  time of a step": "unknown" if result.loops else _time(result.step_seconds),
        "  bound by": result.bound or "unknown",
        f"  {result.example}s/s": "unknown" if result.loops else _rounded(result.examples_per_second),
    }


def _table(columns):
    """Returns the lines of a table with a column for each dict; rows that are missing in one stay empty there."""
    rows = list(dict.fromkeys(row for column in sorted(columns, key=len, reverse=True) for row in column))
    first = max(map(len, rows))
    widths = [max(map(len, column.values())) for column in columns]
    return [
        "  ".join(
            [f"{row:<{first}}", *(f"{column.get(row, ''):>{width}}" for column, width in zip(columns, widths))]
        ).rstrip()
        for row in rows
    ]


def in_units(number: int) -> str:
    """Returns a number of bytes as a string such as `"1.50 MiB"`."""
    for unit, size in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if number >= size:
            return f"{number / size:.2f} {unit}"
    return f"{number} B"


def _rounded(number):
    return f"{float(f'{number:.3g}'):,.0f}"


def _time(seconds):
    for unit, size in (("s", 1), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * 1e6:.3g} µs"
