"""What TFDS prints and raises: silenced, and told in sentences."""

import contextlib
import io
import logging
from collections.abc import Iterator
from typing import Any

from tf_tricks.errors import RequestError


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """TFDS without its progress bars, prints and log lines."""
    import tensorflow_datasets as tfds

    tfds.disable_progress_bar()
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        logging.disable(before)


@contextlib.contextmanager
def reading(builder: Any) -> Iterator[None]:
    """Whatever goes wrong when a prepared set is read is told in a sentence that names its folder."""
    try:
        yield
    except RequestError:
        raise
    except Exception as error:
        raise RequestError(
            f"the data set in {builder.data_dir} is damaged or incomplete ({first_line(error)}): remove that folder "
            "and prepare it again"
        ) from error


def first_line(error: BaseException) -> str:
    """Returns the first line of what an error says, or its kind where it says nothing."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
