"""Where `bootstrap set` takes a value from: a descriptor, standard input, the keyboard; never an argument (B1)."""

import os
import pty
import subprocess
import sys

import pytest

from tests.support.program import BOOTSTRAP, hostile, new_home

VALUE = "hunter22-0815"
READ = """
import sys
from bootstrap.cli.value import read_value
from bootstrap.model.sensitive import Sensitive
value = read_value(sys.argv[1], "orders-payment-token", ask=True)
print(value == Sensitive(bytes.fromhex(sys.argv[2])))
"""


def run(*arguments: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
    home = new_home()
    command = [str(BOOTSTRAP), "set", *arguments]
    return subprocess.run(
        command, env=hostile(home), cwd=home, input=stdin, capture_output=True, text=True, timeout=300
    )


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("orders", "--value", VALUE, "--reason", "it leaked"), "E_VALUE"),
        (("orders", f"--value=file:{VALUE}", "--reason", "it leaked"), "E_VALUE"),
        (("orders", VALUE, "--value", "-", "--reason", "it leaked"), "E_USAGE"),
        (("orders", "--reason", "it leaked"), "E_USAGE"),
        (("orders", "--value", "-", "--adopt", "2", "--reason", "it leaked"), "E_USAGE"),
        (("orders", "--field", "a", "--adopt", "2", "--reason", "it leaked"), "E_USAGE"),
    ],
)
def test_b1_an_argument_is_refused_and_not_shown(arguments: tuple[str, ...], code: str) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert f"[{code}]" in done.stderr
    assert "hint:" in done.stderr
    assert VALUE not in done.stdout + done.stderr


def read(source: str, expected: bytes, given: bytes | None) -> "subprocess.CompletedProcess[bytes]":
    command = [sys.executable, "-c", READ, source, expected.hex()]
    if source == "-":
        return subprocess.run(command, input=given, capture_output=True, timeout=300)
    inner, outer = os.pipe()
    os.write(outer, given or b"")
    os.close(outer)
    command[3] = f"fd:{inner}" if given is not None else source
    try:
        return subprocess.run(
            command, pass_fds=[inner], capture_output=True, timeout=300, stdin=subprocess.DEVNULL
        )
    finally:
        os.close(inner)


@pytest.mark.parametrize("source", ["-", "fd"])
@pytest.mark.parametrize("value", [b"plain", b"a line\n", b"\r\n\x00\xff two\n\n", b""])
def test_every_byte_counts_and_a_line_end_is_named(source: str, value: bytes) -> None:
    done = read(source, value, value)
    assert done.stdout == b"True\n", done.stderr
    assert (b"ends in a line end" in done.stderr) is (value == b"a line\n")


def test_a_descriptor_that_is_not_open() -> None:
    done = read("fd:77", b"", None)
    assert b"no open descriptor" in done.stderr


def typed(*lines: bytes) -> tuple[bytes, bytes]:
    """stdout, and what the terminal showed."""
    master, slave = pty.openpty()
    command = [sys.executable, "-c", READ, "-", VALUE.encode().hex()]
    with subprocess.Popen(
        command, stdin=slave, stderr=slave, stdout=subprocess.PIPE, start_new_session=True
    ) as process:
        os.close(slave)
        shown = b""
        for line in lines:
            while not shown.rstrip().endswith(b":"):
                shown += os.read(master, 1024)
            os.write(master, line + b"\n")
            shown += b"|"
        out = process.stdout.read() if process.stdout else b""
        while True:
            try:
                part = os.read(master, 1024)
            except OSError:
                break
            if not part:
                break
            shown += part
    os.close(master)
    return out, shown


def test_b1_what_is_typed_is_asked_for_twice_and_not_shown() -> None:
    out, shown = typed(VALUE.encode(), VALUE.encode())
    assert out == b"True\n", shown
    assert b"New value of orders-payment-token: " in shown
    assert VALUE.encode() not in shown


def test_what_is_typed_differently_is_refused() -> None:
    out, shown = typed(VALUE.encode(), b"another")
    assert b"differ" in shown
    assert VALUE.encode() not in shown + out
