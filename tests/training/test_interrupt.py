"""Signals become a wish to stop; a second one kills as usual."""

import contextlib
import signal
import threading

import pytest

from tf_tricks.training.interrupt import Interrupted, StopRequests


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_noted(number):
    with contextlib.suppress(Interrupted), StopRequests() as requests:
        signal.raise_signal(number)
        assert requests.received == number


def end_with(number):
    with StopRequests():
        signal.raise_signal(number)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_that_nobody_has_honoured_ends_what_comes_after(number):
    with pytest.raises(Interrupted, match="asked to stop as the run came to its end") as error:
        end_with(number)
    assert error.value.signal_number == number


def test_without_a_signal_nothing_is_noted():
    with StopRequests() as requests:
        assert requests.received is None


@pytest.fixture
def _python_handles_interrupts():
    """As in a program in the foreground: a shell's background job would ignore them."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_python_handles_interrupts")
def test_a_second_signal_interrupts():
    with contextlib.suppress(Interrupted), StopRequests():
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_handlers_are_put_back():
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with StopRequests():
        pass
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_threads_have_no_signals():
    requests = []

    def run():
        with StopRequests() as each:
            requests.append(each.received)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert requests == [None]


def test_an_interrupted_run_is_a_keyboard_interrupt_that_knows_its_signal():
    interrupted = Interrupted("stopped", signal.SIGTERM)
    assert (isinstance(interrupted, KeyboardInterrupt), str(interrupted)) == (True, "stopped")
    assert interrupted.signal_number == signal.SIGTERM
