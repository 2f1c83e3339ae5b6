"""Files that a command leaves: checked before the work starts, written whole or not at all."""

from collections.abc import Collection

from etils import epath

from tf_tricks.errors import RequestError
from tf_tricks.storage import is_place, path_of


def check(output: str, suffixes: Collection[str], what: str) -> epath.Path:
    """Returns the path of a file, or raises a `RequestError` if it cannot be written there.

    Args:
        output: the path as given, local or remote.
        suffixes: those that it may have, in lower case, such as `(".png", ".jpg")`.
        what: what the sentence calls it, such as `"the picture"`.
    """
    path = path_of(output)
    if path.suffix.lower() not in suffixes:
        raise RequestError(f"{what} must be a {' or a '.join(suffixes)} file, not {output!r}")
    if not is_place(path.parent):
        raise RequestError(f"there is no folder {str(path.parent)!r} to write {path.name} in")
    if path.is_dir():
        raise RequestError(f"{output!r} is a folder: name a file")
    return path


def check_new(path: epath.Path, what: str) -> None:
    """Raises a `RequestError` if something is at a path already.

    Args:
        path: `epath.Path`.
        what: what the sentence calls it, such as `"the picture"`.
    """
    if path.exists():
        raise RequestError(f"{what} must be new, and {str(path)!r} is there already")


def check_new_folder(output: str, what: str) -> epath.Path:
    """Returns the path of a folder that is new or empty, or raises a `RequestError`.

    Args:
        output: the path as given, local or remote.
        what: as for `check_new`.
    """
    path = path_of(output)
    if not path.is_dir() or any(path.iterdir()):
        check_new(path, what)
    if not is_place(path.parent):
        raise RequestError(f"there is no folder {str(path.parent)!r} to make {path.name} in")
    return path


def check_folder(output: str, marker: str, what: str) -> epath.Path:
    """Returns the path of a folder for several files, or raises a `RequestError` if they cannot be written there.

    Args:
        output: the path as given, local or remote; of a new or empty folder, or of one that holds `marker` already.
        marker: the name of a file that tells whose the folder is.
        what: what the sentence calls it, such as `"the report"`.
    """
    path = path_of(output)
    if path.exists() and not path.is_dir():
        raise RequestError(f"{output!r} is a file: name a folder for {what}")
    if not path.exists() and not is_place(path.parent):
        raise RequestError(f"there is no folder {str(path.parent)!r} to make {path.name} in")
    if path.exists() and not (path / marker).exists() and any(path.iterdir()):
        raise RequestError(f"the folder {output!r} holds something else than {what}: choose a new or an empty one")
    return path


def write_below(folder: epath.Path, name: str, content: bytes, what: str) -> None:
    """Writes bytes to a file in a folder from `check_folder`, which is made if it is missing.

    Args:
        folder: `epath.Path`.
        name: the file's, with a folder's before it or not.
        content: bytes.
        what: as for `check_folder`.
    """
    path = folder / name
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RequestError(f"{what} {folder} cannot be written: {error.strerror or error}") from error
    write(path, content, what)


def write(path: epath.Path, content: bytes, what: str) -> None:
    """Writes bytes to a path from `check`, or raises a `RequestError`.

    Args:
        path: `epath.Path`.
        content: bytes.
        what: as for `check`.
    """
    from tf_tricks.storage import write_atomically

    try:
        write_atomically(path, content)
    except OSError as error:
        raise RequestError(f"{what} {path} cannot be written: {error.strerror or error}") from error
