"""TensorFlow's warning of functions that are traced again, where that is meant."""

import logging


def expect_retracing() -> None:
    """Keeps TensorFlow from warning that functions are traced again: for each shape, or for each stage of a run."""
    logging.getLogger("tensorflow").addFilter(_is_other)


def _is_other(record):
    return "triggered tf.function retracing" not in record.getMessage()
