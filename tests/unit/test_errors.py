"""What an error carries for those who catch it."""

from bootstrap.model.errors import BootstrapError, Interrupted


def test_an_interruption_says_by_which_signal_and_what_comes_next() -> None:
    error = Interrupted("stopped by SIGTERM", signal_number=15, hint="say it again")
    assert (error.signal_number, error.code, error.hint) == (15, "E_INTERRUPTED", "say it again")
    assert error.message == str(error) == "stopped by SIGTERM"


def test_an_error_carries_where_it_is_and_a_hint() -> None:
    error = BootstrapError("it is not there", code="E_X", where="file:1", hint="put it there")
    assert (error.message, error.code, error.where, error.hint) == (
        "it is not there",
        "E_X",
        "file:1",
        "put it there",
    )
