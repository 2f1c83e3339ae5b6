"""The table and its figures, from programs made up."""

import json

import pytest

from tf_tricks.tpu.compiler import Program
from tf_tricks.tpu.report import Report, Result

PROGRAM = Program(
    argument_bytes=2**20,
    output_bytes=0,
    temporary_bytes=3 * 2**30,
    code_bytes=2**20,
    flops=197e9,
    bytes_accessed=819e5,
    all_reduces=3,
    all_reduce_bytes=4000,
    other_collectives={"all-gather": 2},
    loops=0,
)
GIB = 2**30


def result(**changes):
    given = dict(
        topology="v5e:2x2",
        chips=4,
        batch_size=64,
        at_once=64,
        usable_bytes=16 * GIB,
        parameter_bytes=3996,
        example="image",
        program=PROGRAM,
    )
    return Result(**given | changes)


def cell(report, row):
    """The cells of a row of the table."""
    (line,) = [line for line in str(report).splitlines() if line.startswith(row)]
    return line.removeprefix(row).split("  ")[-1].strip()


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("batch  ", "64"),
        ("batch a chip", "16"),
        ("compiles and fits", "yes"),
        ("memory a chip: arguments", "1.00 MiB"),
        ("  temporaries", "3.00 GiB"),
        ("  in all", "3.00 GiB"),
        ("  usable", "16.00 GiB"),
        ("  share", "18.8 %"),
        ("a step, each chip: FLOPs", "1.97e+11"),
        ("  FLOPs a byte", "2.41e+03"),
        ("  all-reduces", "3"),
        ("  their bytes", "4,000"),
        ("  the parameters' bytes", "3,996"),
        ("  other collectives", "2 all-gather"),
        ("  time of a step", "1 ms"),
        ("  bound by", "compute"),
        ("  images/s", "64,000"),
    ],
)
def test_a_row(row, expected):
    assert cell(Report([result()]), row) == expected


def test_the_estimate_is_called_one():
    assert "ESTIMATE from published peaks:\n  time of a step" in str(Report([result()]))
    assert "estimate" in result().to_dict()["roofline"]["what"]


def test_topologies_stand_side_by_side():
    table = str(Report([result(), result(topology="v4:2x2x1")])).splitlines()
    assert table[0].split() == ["topology", "v5e:2x2", "v4:2x2x1"]


def test_many_columns_become_several_tables():
    assert str(Report([result()] * 7)).count("\ntopology") == 1


def test_micro_batches_have_a_row():
    assert cell(Report([result(at_once=32)]), "  at once") == "8"
    assert "at once" not in str(Report([result()]))


def test_what_does_not_fit_is_told_below_the_table():
    report = Report([result(), result(batch_size=128, program=None, problem="too large", needed_bytes=20 * GIB)])
    assert not report.passes
    assert cell(report, "  in all") == "20.00 GiB"
    assert cell(report, "compiles and fits") == "NO"
    assert str(report).endswith("v5e:2x2, batch of 128: too large")


def test_the_largest_batch_is_told_below_the_table():
    assert str(Report([result()], {"v5e:2x2": 512})).endswith("v5e:2x2: the largest batch that fits is 512")
    assert str(Report([result()], {"v5e:2x2": None})).endswith("v5e:2x2: no batch fits")


def test_where_there_are_loops_no_time_is_told():
    report = Report([result(loops=True)])
    assert "has loops: the compiler counts" in str(report)
    assert [cell(report, row) for row in ("  time of a step", "  bound by", "  images/s")] == ["unknown"] * 3
    (found,) = json.loads(json.dumps(report.to_dict()))["results"]
    estimates = [found["roofline"][name] for name in ("step_seconds", "bound_by", "examples_per_second")]
    assert estimates == [None, None, None]


def test_the_dict_is_json():
    report = Report([result(), result(program=None, problem="no")], {"v5e:2x2": 512}, {"jax": "1"})
    found = json.loads(json.dumps(report.to_dict()))
    first, second = found["results"]
    assert not found["passes"]
    assert first["memory_a_chip"]["needed"] == 3 * GIB + 2**21
    assert first["roofline"]["step_seconds"] == pytest.approx(1e-3)
    assert first["collectives"] == {"all_reduces": 3, "all_reduce_bytes": 4000, "others": {"all-gather": 2}}
    assert second["problem"] == "no"
    assert found["largest_batches"] == {"v5e:2x2": 512}


def test_reports_add_up():
    both = Report([result()], {"v5e:2x2": 1}) + Report([result(topology="v4:2x2x1")], {"v4:2x2x1": 2})
    assert [r.topology for r in both.results] == ["v5e:2x2", "v4:2x2x1"]
    assert both.largest_batches == {"v5e:2x2": 1, "v4:2x2x1": 2}
