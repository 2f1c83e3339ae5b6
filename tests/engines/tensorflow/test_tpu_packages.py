"""Which packages fit together for a TPU."""

from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tf_tricks.commands import program, train  # noqa: F401  whose flags are parsed
from tf_tricks.engines.tensorflow import tpu_environment
from tf_tricks.engines.tensorflow.tpu_environment import Packages
from tf_tricks.errors import RequestError

VARIABLES = ("PJRT_DEVICE", "NEXT_PLUGGABLE_DEVICE_USE_C_API", tpu_environment.LIBRARY)
GOOD = Packages(None, "2.19.1", "0.0.10", Requirement("libtpu==0.0.10"), Path("/somewhere/libtpu.so"))


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch):
    for name in (*VARIABLES, "TPU_NAME"):
        monkeypatch.setenv(name, "")  # so that what is set meanwhile goes away again
        monkeypatch.delenv(name)


def refuse(message, packages):
    with pytest.raises(RequestError, match=message):
        tpu_environment.check_packages(packages)


def test_packages_that_fit():
    tpu_environment.check_packages(GOOD)
    tpu_environment.check_packages(GOOD._replace(libtpu="0.0.50", wanted_libtpu=Requirement("libtpu~=0.0.14")))
    tpu_environment.check_packages(GOOD._replace(libtpu=None, wanted_libtpu=None))  # the driver of the machine's image
    tpu_environment.check_packages(GOOD._replace(tensorflow="2.19.1"))  # whichever was installed last


def test_plain_tensorflow():
    refuse(
        "tensorflow 2.21.0 has no TPU support: pip uninstall --yes tensorflow, then pip install tensorflow-tpu==2.19.1",
        Packages("2.21.0", libtpu="0.0.42.1", driver=Path("it")),
    )


def test_two_tensorflows_of_different_versions():
    refuse(
        "tensorflow 2.21.0 and tensorflow-tpu 2.20.0 overwrite each other's files: pip uninstall --yes tensorflow "
        "tensorflow-tpu, then pip install tensorflow-tpu==2.20.0",
        GOOD._replace(tensorflow="2.21.0", tensorflow_tpu="2.20.0"),
    )


def test_no_driver():
    refuse("tensorflow-tpu 2.19.1 needs libtpu, which is not installed: pip install", Packages(tensorflow_tpu="2.19.1"))


def test_another_driver_than_tensorflow_wants():
    refuse(
        r"needs libtpu==0.0.10, and libtpu 0.0.42.1 is installed: pip install 'libtpu==0.0.10'",
        GOOD._replace(libtpu="0.0.42.1"),
    )


def test_a_driver_that_the_user_names_is_not_judged(monkeypatch):
    monkeypatch.setenv(tpu_environment.LIBRARY, "mine.so")
    tpu_environment.check_packages(GOOD._replace(libtpu="0.0.42.1"))
    tpu_environment.check_packages(Packages(tensorflow_tpu="2.19.1"))
