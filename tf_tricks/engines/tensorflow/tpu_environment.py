"""Whether this machine has a TPU, and what TensorFlow needs around it: packages and environment variables.

Nothing here imports TensorFlow, which reads those variables when it is imported.
"""

import fcntl
import importlib.metadata
import os
import sys
from pathlib import Path
from typing import NamedTuple

from packaging.requirements import Requirement

from tf_tricks.errors import RequestError

KNOWN = "2.19.1"
"""Of tensorflow-tpu: the newest that Keras vouches for on TPUs, and the oldest that this package supports."""

LIBRARY = "TF_PLUGGABLE_DEVICE_LIBRARY_PATH"
"""The variable that names the TPU's driver to TensorFlow; if the user has set it, nothing here knows better."""

_DEVICE_FILE = Path("/dev/accel0")  # TPU v2 to v4
_PCI_DEVICES = Path("/sys/bus/pci/devices")
_MAKER = "0x1ae0"  # Google, whose network cards and disks are on the bus of every machine in its cloud
_CHIPS = ("0x0027", "0x0056", "0x005e", "0x0062", "0x0063", "0x006f", "0x0076")  # v2 to v7, as JAX lists them
_DRIVER_OF_THE_IMAGE = Path("/lib/libtpu.so")  # on machines made for TensorFlow
_LOCK = Path("/tmp/libtpu_lockfile")
_SHARED = ("ALLOW_MULTIPLE_LIBTPU_LOAD", "TPU_CHIPS_PER_PROCESS_BOUNDS")  # several processes may have a chip each


class Packages(NamedTuple):
    """What is installed.

    Attributes:
        tensorflow: version of plain TensorFlow, or None.
        tensorflow_tpu: version of TensorFlow's TPU build, or None.
        libtpu: version of the TPU's driver and compiler, or None; `tpu-check` needs it on machines without a TPU.
        wanted_libtpu: the `packaging` requirement of tensorflow-tpu on libtpu, or None.
        driver: the driver's file, or None.
    """

    tensorflow: str | None = None
    tensorflow_tpu: str | None = None
    libtpu: str | None = None
    wanted_libtpu: Requirement | None = None
    driver: Path | None = None


def is_there() -> bool:
    """Returns whether this machine has a TPU; that libtpu is installed tells nothing."""
    return _DEVICE_FILE.exists() or any(map(_is_chip, _PCI_DEVICES.glob("*")))


def installed() -> Packages:
    """Returns the `Packages` of this Python, found without importing any."""
    versions = {name: _version(name) for name in ("tensorflow", "tensorflow-tpu", "libtpu")}
    driver = None
    if versions["libtpu"]:
        driver = Path(importlib.metadata.distribution("libtpu").locate_file("libtpu/libtpu.so"))  # type: ignore[arg-type]
    elif _DRIVER_OF_THE_IMAGE.exists():
        driver = _DRIVER_OF_THE_IMAGE
    wanted = None
    if versions["tensorflow-tpu"]:
        requirements = map(Requirement, importlib.metadata.requires("tensorflow-tpu") or [])
        wanted = next((r for r in requirements if r.name == "libtpu"), None)
    return Packages(*versions.values(), wanted, driver)  # type: ignore[call-arg]


def asked_for(device: str = "auto", name: str | None = None) -> str | None:
    """Returns the name of the TPU that is asked for, or None if none is.

    Args:
        device: `"auto"`, which takes a TPU that this machine has, `"tpu"`, or another, which leaves it to others.
        name: the TPU's name or address, `"local"` for the one of this machine, or None for what the variable TPU_NAME
            says.
    """
    if device not in ("auto", "tpu"):
        return None
    name = name or os.environ.get("TPU_NAME")
    if name:
        return name
    return "local" if device == "tpu" or is_there() else None


def prepare() -> None:
    """Sets what TensorFlow's TPU build reads when it is imported; does nothing on a machine without a TPU.

    Variables that are set already stay as they are.
    """
    if "tensorflow" in sys.modules or not is_there():
        return
    packages = installed()
    if packages.tensorflow_tpu and packages.driver:
        for name, value in variables(packages).items():
            os.environ.setdefault(name, value)


def variables(packages: Packages) -> dict[str, str]:
    """Returns the environment in which TensorFlow's TPU build finds the TPU of its machine, dict of name to value."""
    return {"PJRT_DEVICE": "TPU", "NEXT_PLUGGABLE_DEVICE_USE_C_API": "true", LIBRARY: str(packages.driver)}


def check() -> None:
    """Raises a `RequestError` if TensorFlow could not use a TPU of this machine, with what to install or to end.

    TensorFlow itself would wait for minutes, or end the process without an exception.
    """
    if not is_there() and LIBRARY not in os.environ:
        raise RequestError(
            f"there is no TPU on this machine (neither {_DEVICE_FILE} nor a chip on its PCI bus): train with "
            "--device=cpu, or on a machine with a TPU"
        )
    check_packages(installed())
    if "tensorflow" not in sys.modules and not any(map(os.environ.get, _SHARED)):
        _check_free()


def check_variables() -> None:
    """Raises a `RequestError` if TensorFlow was imported without the environment that it needs on a TPU."""
    packages = installed()
    missing = [f"{name}={value}" for name, value in variables(packages).items() if name not in os.environ]
    if missing:
        raise RequestError(
            "TensorFlow was imported before the environment was set in which it finds the TPU: start Python with "
            f"{' '.join(missing)}, or call tt.strategy before anything imports TensorFlow"
        )


def check_packages(packages: Packages) -> None:
    """Raises a `RequestError` if the `Packages` do not make a TensorFlow that runs on a TPU."""
    plain, build = packages.tensorflow, packages.tensorflow_tpu
    if plain and not build:
        raise RequestError(
            f"tensorflow {plain} has no TPU support: pip uninstall --yes tensorflow, then {_install()}, or train with "
            "--device=cpu"
        )
    if plain and build and plain != build:
        raise RequestError(
            f"tensorflow {plain} and tensorflow-tpu {build} overwrite each other's files: "
            f"pip uninstall --yes tensorflow tensorflow-tpu, then {_install(build)}"
        )
    if LIBRARY in os.environ or not build:  # a driver or a TensorFlow that the user has chosen
        return
    if packages.driver is None:
        raise RequestError(f"tensorflow-tpu {build} needs libtpu, which is not installed: {_install(build)}")
    wanted = packages.wanted_libtpu
    if wanted and packages.libtpu and not wanted.specifier.contains(packages.libtpu, prereleases=True):
        raise RequestError(
            f"tensorflow-tpu {build} needs {wanted}, and libtpu {packages.libtpu} is installed: pip install '{wanted}'"
        )


def _install(version=KNOWN):
    return f"pip install tensorflow-tpu=={version}"


def _check_free():
    # The lock that a process with libtpu holds as long as it lives. To be looked at only before this one has it:
    # closing the file would give it up.
    try:
        with open(_LOCK, "r+") as file:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return
    except OSError as error:
        raise RequestError(
            "the TPU of this machine is held by another process: end that (a notebook's kernel holds a TPU until it is "
            f"restarted; `sudo lsof {_LOCK}` tells which), or train with --device=cpu"
        ) from error


def _version(name):
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _is_chip(device):
    try:
        return (device / "vendor").read_text().strip() == _MAKER and (device / "device").read_text().strip() in _CHIPS
    except OSError:
        return False
