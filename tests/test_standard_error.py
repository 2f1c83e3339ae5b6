"""What libraries print is held back, and only as long as it is to be."""

import logging
import os
import sys
import warnings

import pytest

from tf_tricks.standard_error import held_back


def print_everything():
    os.write(2, b"from C++\n")
    print("from Python", file=sys.__stderr__, flush=True)
    logging.getLogger("a library").error("a log")
    warnings.warn("a warning", stacklevel=1)


def test_nothing_is_printed_within(capfd, caplog):
    with held_back():
        print_everything()
    assert capfd.readouterr().err == ""
    assert caplog.text == ""


def test_all_is_printed_afterwards(capfd, caplog):
    with held_back():
        pass
    with pytest.warns(UserWarning, match="a warning"):
        print_everything()
    assert "from C++\nfrom Python\n" in capfd.readouterr().err
    assert "a log" in caplog.text


def test_what_was_held_back_can_be_shown(capfd):
    def fail():
        with held_back() as caught:
            os.write(2, b"the cause\n")
            caught.show()
            raise ImportError("no such library")

    with pytest.raises(ImportError, match="no such library"):
        fail()
    assert capfd.readouterr().err == "the cause\n"
