"""Where a TPU is seen, and when the environment is set."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from absl.testing import flagsaver
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


@pytest.fixture
def bus(tmp_path, monkeypatch):
    """A machine of its own; the function adds a device to its PCI bus."""

    def add(vendor, device):
        folder = tmp_path / "pci" / f"0000:00:{len(os.listdir(tmp_path / 'pci')):02}.0"
        folder.mkdir()
        (folder / "vendor").write_text(f"{vendor}\n")
        (folder / "device").write_text(f"{device}\n")

    (tmp_path / "pci").mkdir()
    monkeypatch.setattr(tpu_environment, "_DEVICE_FILE", tmp_path / "accel0")
    monkeypatch.setattr(tpu_environment, "_PCI_DEVICES", tmp_path / "pci")
    return add


@pytest.fixture
def tpu_machine(monkeypatch):
    """A machine with a TPU and the right packages, on which nothing has imported TensorFlow."""
    monkeypatch.setattr(tpu_environment, "is_there", lambda: True)
    monkeypatch.setattr(tpu_environment, "installed", lambda: GOOD)
    monkeypatch.delitem(sys.modules, "tensorflow")


def test_an_empty_machine_has_no_tpu(bus):
    assert not tpu_environment.is_there()


def test_a_machine_without_a_pci_bus_has_no_tpu(tmp_path, monkeypatch):
    monkeypatch.setattr(tpu_environment, "_DEVICE_FILE", tmp_path / "accel0")
    monkeypatch.setattr(tpu_environment, "_PCI_DEVICES", tmp_path / "nothing")
    assert not tpu_environment.is_there()


def test_the_device_file_of_a_tpu(bus, tmp_path):
    (tmp_path / "accel0").touch()
    assert tpu_environment.is_there()


def test_a_chip_on_the_bus(bus):
    bus("0x8086", "0x0063")  # another maker's device of the same number
    assert not tpu_environment.is_there()
    bus("0x1ae0", "0x0063")
    assert tpu_environment.is_there()


def test_the_network_card_of_the_same_maker_is_no_tpu(bus):
    bus("0x1ae0", "0x0042")
    assert not tpu_environment.is_there()


def test_what_is_installed_here_is_found_without_an_import():
    packages = tpu_environment.installed()
    assert packages.tensorflow_tpu is None
    assert packages.wanted_libtpu is None
    assert packages.tensorflow.startswith("2.")


@pytest.fixture
def distributions(tmp_path, monkeypatch):
    """A function that makes packages look installed, before any others."""

    def install(name, version, *requirements):
        folder = tmp_path / f"{name.replace('-', '_')}-{version}.dist-info"
        folder.mkdir()
        lines = [f"Name: {name}", f"Version: {version}", *(f"Requires-Dist: {r}" for r in requirements)]
        (folder / "METADATA").write_text("Metadata-Version: 2.1\n" + "\n".join(lines) + "\n")

    monkeypatch.syspath_prepend(tmp_path)
    return install


def test_the_versions_the_driver_and_what_the_tpu_build_wants(distributions, tmp_path):
    distributions("tensorflow-tpu", "2.20.0", "numpy", "libtpu~=0.0.14")
    distributions("libtpu", "0.0.50")
    packages = tpu_environment.installed()
    assert (packages.tensorflow_tpu, packages.libtpu) == ("2.20.0", "0.0.50")
    assert str(packages.wanted_libtpu) == "libtpu~=0.0.14"
    assert packages.driver == tmp_path / "libtpu" / "libtpu.so"


def test_the_environment_on_a_machine_with_a_tpu(tpu_machine):
    tpu_environment.prepare()
    assert [os.environ[name] for name in VARIABLES] == ["TPU", "true", "/somewhere/libtpu.so"]


def test_a_variable_that_the_user_has_set_stays(tpu_machine, monkeypatch):
    monkeypatch.setenv(tpu_environment.LIBRARY, "mine.so")
    tpu_environment.prepare()
    assert os.environ[tpu_environment.LIBRARY] == "mine.so"


def assert_untouched():
    before = dict(os.environ)
    tpu_environment.prepare()
    assert dict(os.environ) == before


def test_the_environment_stays_without_a_tpu(tpu_machine, monkeypatch):
    monkeypatch.setattr(tpu_environment, "is_there", lambda: False)
    monkeypatch.setenv("TPU_NAME", "local")
    assert_untouched()


def test_the_environment_stays_once_tensorflow_has_read_it(tpu_machine, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow", "imported")
    assert_untouched()


@pytest.mark.parametrize(
    "packages",
    [Packages("2.21.0"), Packages("2.21.0", libtpu="0.0.42", driver=Path("it")), Packages(tensorflow_tpu="2.19.1")],
)
def test_the_environment_stays_without_tensorflow_for_tpus(tpu_machine, monkeypatch, packages):
    monkeypatch.setattr(tpu_environment, "installed", lambda: packages)
    assert_untouched()


@pytest.fixture
def order(tpu_machine, monkeypatch):
    """What a program does, in order."""
    done = []
    for name in ("check", "prepare"):
        monkeypatch.setattr(tpu_environment, name, lambda name=name: done.append(name))
    monkeypatch.setattr(program, "import_tensorflow", lambda: done.append("import"))
    with flagsaver.flagsaver():
        yield done


@pytest.mark.parametrize("arguments", [["--device=tpu"], ["--device=auto"], ["--tpu=local"]])
def test_a_program_that_will_use_the_tpu_sets_it_before_it_imports_tensorflow(order, arguments):
    assert program.run(lambda: None, ["device", "tpu"], ["test", *arguments]) == 0
    assert order == ["check", "prepare", "import"]


@pytest.mark.parametrize("arguments", [["--device=cpu"], ["--device=gpu"], ["--tpu=grpc://there"]])
def test_a_program_that_will_not_use_it_leaves_it_alone(order, arguments):
    assert program.run(lambda: None, ["device", "tpu"], ["test", *arguments]) == 0
    assert order == ["import"]


def test_a_program_without_a_device_leaves_it_alone(order):
    assert program.run(lambda: None, [], ["test"]) == 0
    assert order == ["import"]


def test_a_driver_that_cannot_be_loaded():
    command = [sys.executable, "-m", "tf_tricks.cli", "train", "--device=cpu"]
    environment = os.environ | {tpu_environment.LIBRARY: "/nowhere/libtpu.so"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment)
    assert done.returncode == 2, done.stderr
    assert "TensorFlow cannot load /nowhere/libtpu.so, which TF_PLUGGABLE_DEVICE_LIBRARY_PATH names" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_strategy_sets_it_before_it_imports_tensorflow():
    program = (
        "import os, sys\n"
        "from tf_tricks.engines.tensorflow import tpu_environment\n"
        "tpu_environment.prepare = lambda: print('tensorflow' in sys.modules)\n"
        "import tf_tricks as tt\n"
        "tt.strategy\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert done.stdout == "False\n", done.stderr


@pytest.mark.parametrize(
    ("device", "name", "there", "expected"),
    [
        ("auto", None, False, None),
        ("auto", None, True, "local"),
        ("tpu", None, False, "local"),
        ("tpu", "grpc://it", True, "grpc://it"),
        ("auto", "mine", False, "mine"),
        ("cpu", None, True, None),
        ("gpu", None, True, None),
    ],
)
def test_which_tpu_is_asked_for(monkeypatch, device, name, there, expected):
    monkeypatch.setattr(tpu_environment, "is_there", lambda: there)
    assert tpu_environment.asked_for(device, name) == expected


def test_the_variable_names_the_tpu_unless_the_request_does(monkeypatch):
    monkeypatch.setenv("TPU_NAME", "theirs")
    assert [tpu_environment.asked_for("auto", name) for name in (None, "mine")] == ["theirs", "mine"]
    assert tpu_environment.asked_for("cpu") is None


def test_no_tpu_on_this_machine(bus):
    with pytest.raises(RequestError, match=r"there is no TPU on this machine .* train with --device=cpu"):
        tpu_environment.check()


def test_a_tpu_that_is_not_seen_is_used_if_the_user_names_its_driver(bus, monkeypatch):
    monkeypatch.setattr(tpu_environment, "installed", lambda: GOOD)
    monkeypatch.setenv(tpu_environment.LIBRARY, "mine.so")
    tpu_environment.check()


def test_tensorflow_was_imported_too_early(tpu_machine):
    with pytest.raises(RequestError, match=r"start Python with PJRT_DEVICE=TPU NEXT_PLUGGABLE.*libtpu.so, or call tt"):
        tpu_environment.check_variables()


def test_all_is_well(tpu_machine, lock):
    lock.touch()
    tpu_environment.prepare()
    tpu_environment.check()
    tpu_environment.check_variables()


@pytest.fixture
def lock(tmp_path, monkeypatch):
    monkeypatch.setattr(tpu_environment, "_LOCK", tmp_path / "lock")
    for name in tpu_environment._SHARED:
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "lock"


@pytest.fixture
def holder(lock):
    """Another process, which holds the TPU."""
    program = (
        f"import fcntl; f = open({str(lock)!r}, 'w'); fcntl.lockf(f, fcntl.LOCK_EX); print(1, flush=True); input()"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        yield
        process.communicate(b"\n")


def test_a_tpu_that_another_process_holds(tpu_machine, holder):
    with pytest.raises(RequestError, match="the TPU of this machine is held by another process: end that"):
        tpu_environment.check()


def test_a_tpu_whose_chips_are_shared_out(tpu_machine, holder, monkeypatch):
    monkeypatch.setenv("TPU_CHIPS_PER_PROCESS_BOUNDS", "1,1,1")
    tpu_environment.check()


def test_a_lock_that_this_process_may_hold_itself_is_left_alone(tpu_machine, holder, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow", "imported")
    tpu_environment.check()


def test_a_tpu_that_nobody_has_ever_used(tpu_machine, lock):
    tpu_environment.check()
    assert not lock.exists()
