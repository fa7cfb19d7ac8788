"""The proof that what was kept outside the cluster opens this Vault: by a process that was never there (B4).

A child of this program starts with nothing but commit, root key and the records folder. The root key goes in
through a pipe; the environment is closed; the answer is one JSON object on its stdout.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from bootstrap.model.errors import EvidenceError, UnknownOutcome, WorldError
from bootstrap.model.sensitive import Sensitive

DEADLINE: Final = 300.0  # seconds
ENVIRONMENT: Final = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
BROKEN: Final = 6  # the child's exit code for evidence that does not hold


class FreshProcess:
    """``root`` gives the opened root key in the form that ``--root fd:N`` reads."""

    def __init__(
        self,
        *,
        repo: Path,
        commit: str,
        kubeconfig: Path,
        context: str,
        records: Path,
        root: Callable[[], Sensitive],
    ) -> None:
        self._root = root
        self._where = str(records)
        self._options = [
            *("--repo", str(repo.absolute()), "--rev", commit),
            *("--kubeconfig", str(kubeconfig.absolute()), "--context", context),
            *("--records", str(records.absolute())),
        ]

    def prove(self, cluster: str) -> Mapping[str, str]:
        """``{vaultClusterId, method}``. EvidenceError E_ESCROW when the escrow does not open this Vault."""
        root = self._root()
        reading, writing = os.pipe()
        try:
            command = [sys.executable, "-I", "-m", "bootstrap", "prove-escrow", "--cluster", cluster]
            child = _start([*command, *self._options, "--root", f"fd:{reading}"], reading)
        finally:
            os.close(reading)
        try:
            _hand_over(writing, root)
            out, err = child.communicate(timeout=DEADLINE)
        except subprocess.TimeoutExpired:
            raise UnknownOutcome(f"the proof did not end within {DEADLINE:.0f} s", code="E_PROOF") from None
        finally:
            child.kill()
            child.wait()
        if child.returncode != 0:
            raise self._failure(child.returncode, err)
        return _answer(out)

    def _failure(self, code: int, err: bytes) -> WorldError | EvidenceError:
        said = [line for line in err.decode(errors="replace").splitlines() if line.startswith("error: ")]
        why = said[0].removeprefix("error: ") if said else f"exit code {code}"
        message = f"the escrow was not proved: {why}"
        if code == BROKEN:
            return EvidenceError(
                message, code="E_ESCROW", where=self._where, hint="restore records/ from Git"
            )
        return WorldError(message, code="E_PROOF", where=self._where, hint="bootstrap up looks again")


def _start(command: Sequence[str], reading: int) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(  # noqa: S603  (our own interpreter and arguments, no shell)
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        pass_fds=(reading,),
        env=ENVIRONMENT,
        cwd="/",
    )


def _hand_over(writing: int, root: Sensitive) -> None:
    try:
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(root.reveal())
    except BrokenPipeError:
        return  # the child ended early; its exit code and its words tell why


def _answer(out: bytes) -> Mapping[str, str]:
    try:
        found = json.loads(out)
        return {str(key): str(value) for key, value in found.items()}
    except (ValueError, AttributeError):
        raise WorldError("the proof gave no answer that can be read", code="E_PROOF") from None
