"""The proof that what was kept outside the cluster opens this Vault: by a process that was never there (B4).

A child of this program starts with nothing but commit, root key and the records folder. The root key goes in
through a pipe, as do the key and the token of a remote repository; the environment is closed; the answer is one
JSON object on its stdout.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from bootstrap.adapters.git.access import GitAccess
from bootstrap.model.errors import EvidenceError, UnknownOutcome, WorldError
from bootstrap.model.outside import json_value
from bootstrap.model.sensitive import Sensitive

DEADLINE: Final = 300.0  # seconds
ENVIRONMENT: Final = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
NO_ACCESS: Final = GitAccess()  # a repository in a folder needs none
BROKEN: Final = 6  # the child's exit code for evidence that does not hold


class FreshProcess:
    """``root`` gives the opened root key in the form that ``--root fd:N`` reads."""

    def __init__(
        self,
        *,
        repo: str,
        commit: str,
        kubeconfig: Path,
        context: str,
        records: Path | None,
        root: Callable[[], Sensitive],
        git: GitAccess = NO_ACCESS,
        signers: Path | None = None,
    ) -> None:
        self._root = root
        self._git = git
        self._where = str(records or repo)
        self._options = [
            *("--repo", repo, "--rev", commit, *git.arguments()),
            *(("--trusted-signers", str(signers.absolute())) if signers else ()),
            *("--kubeconfig", str(kubeconfig.absolute()), "--context", context),
            *(("--records", str(records.absolute())) if records else ()),
        ]

    def prove(self, cluster: str) -> Mapping[str, str]:
        """``{vaultClusterId, method, generation}``. EvidenceError E_ESCROW when the escrow does not open this Vault."""
        return self._answered("prove-escrow", cluster)

    def prove_following(self, cluster: str) -> Mapping[str, str]:
        """``{generation, commitment}``. EvidenceError E_ESCROW where the escrow gives no next share."""
        return self._answered("prove-next-share", cluster)

    def _answered(self, what: str, cluster: str) -> Mapping[str, str]:
        # In the order in which the child reads them: what does not fit into a pipe waits for its reader.
        secrets = {**self._git.secrets(), "--root": self._root()}
        pipes = {option: os.pipe() for option in secrets}
        given = [word for option, (reading, _) in pipes.items() for word in (option, f"fd:{reading}")]
        try:
            command = [sys.executable, "-I", "-m", "bootstrap", what, "--cluster", cluster]
            child = _start([*command, *self._options, *given], [reading for reading, _ in pipes.values()])
        finally:
            for reading, _ in pipes.values():
                os.close(reading)
        try:
            for option, secret in secrets.items():
                _hand_over(pipes[option][1], secret)
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
        errors = [line for line in err.decode(errors="replace").splitlines() if line.startswith("error: ")]
        why = errors[0].removeprefix("error: ") if errors else f"exit code {code}"
        message = f"the escrow was not proved: {why}"
        if code == BROKEN:
            return EvidenceError(
                message, code="E_ESCROW", where=self._where, hint="restore records/ from Git"
            )
        return WorldError(message, code="E_PROOF", where=self._where, hint="bootstrap up looks again")


def _start(command: Sequence[str], reading: Sequence[int]) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(  # noqa: S603  (our own interpreter and arguments, no shell)
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        pass_fds=tuple(reading),
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
        found = json_value(out)
        return {str(key): str(value) for key, value in found.items()}
    except (ValueError, AttributeError):
        raise WorldError("the proof gave no answer that can be read", code="E_PROOF") from None
