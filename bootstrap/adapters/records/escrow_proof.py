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
PROVE: Final = "prove-escrow"
ROOT: Final = "--root"
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
        self._waiting: _Child | None = None
        self._where = str(records or repo)
        self._options = [
            *("--repo", repo, "--rev", commit, *git.arguments()),
            *(("--trusted-signers", str(signers.absolute())) if signers else ()),
            *("--kubeconfig", str(kubeconfig.absolute()), "--context", context),
            *(("--records", str(records.absolute())) if records else ()),
        ]

    def prove(self, cluster: str) -> Mapping[str, str]:
        """``{vaultClusterId, method, generation}``. EvidenceError E_ESCROW when the escrow does not open this Vault."""
        return self._answered(PROVE, cluster)

    def prove_following(self, cluster: str) -> Mapping[str, str]:
        """``{generation, commitment}``. EvidenceError E_ESCROW where the escrow gives no next share."""
        return self._answered("prove-next-share", cluster)

    def begin(self, cluster: str) -> None:
        """See the port. All but the secrets is given: the child loads itself, and then waits for its first pipe."""
        self.close()
        self._waiting = self._start(PROVE, cluster)

    def close(self) -> None:
        """Ends a child that was never asked."""
        child, self._waiting = self._waiting, None
        if child is not None:
            child.end()

    def _answered(self, what: str, cluster: str) -> Mapping[str, str]:
        secrets = {**self._git.secrets(), ROOT: self._root()}
        child = self._taken(what, cluster)
        try:
            # In the order in which the child reads them: what does not fit into a pipe waits for its reader.
            for option, secret in secrets.items():
                child.hand_over(option, secret)
            out, err = child.process.communicate(timeout=DEADLINE)
        except subprocess.TimeoutExpired:
            raise UnknownOutcome(f"the proof did not end within {DEADLINE:.0f} s", code="E_PROOF") from None
        finally:
            child.end()
        if child.process.returncode != 0:
            raise self._failure(child.process.returncode, err)
        return _answer(out)

    def _taken(self, what: str, cluster: str) -> "_Child":
        """The one that was begun for this, or a new one."""
        child = self._waiting
        if child is not None and child.asked == (what, cluster):
            self._waiting = None
            return child
        self.close()
        return self._start(what, cluster)

    def _start(self, what: str, cluster: str) -> "_Child":
        pipes = {option: os.pipe() for option in (*self._git.secrets(), ROOT)}
        given = [word for option, (reading, _) in pipes.items() for word in (option, f"fd:{reading}")]
        writing = {option: end for option, (_, end) in pipes.items()}
        command = [sys.executable, "-I", "-m", "bootstrap", what, "--cluster", cluster]
        try:
            process = _process([*command, *self._options, *given], [reading for reading, _ in pipes.values()])
        except BaseException:
            for end in writing.values():
                os.close(end)
            raise
        finally:
            for reading, _ in pipes.values():
                os.close(reading)
        return _Child((what, cluster), process, writing)

    def _failure(self, code: int, err: bytes) -> WorldError | EvidenceError:
        errors = [line for line in err.decode(errors="replace").splitlines() if line.startswith("error: ")]
        why = errors[0].removeprefix("error: ") if errors else f"exit code {code}"
        message = f"the escrow was not proved: {why}"
        if code == BROKEN:
            return EvidenceError(
                message, code="E_ESCROW", where=self._where, hint="restore records/ from Git"
            )
        return WorldError(message, code="E_PROOF", where=self._where, hint="bootstrap up looks again")


class _Child:
    """``asked`` is what it was started for: the proof, and the cluster's UID."""

    def __init__(
        self, asked: tuple[str, str], process: "subprocess.Popen[bytes]", writing: dict[str, int]
    ) -> None:
        self.asked = asked
        self.process = process
        self._writing = writing

    def hand_over(self, option: str, secret: Sensitive) -> None:
        try:
            with os.fdopen(self._writing.pop(option), "wb") as pipe:
                pipe.write(secret.reveal())
        except BrokenPipeError:
            return  # the child ended early; its exit code and its words tell why

    def end(self) -> None:
        """Whatever it does; once more is harmless."""
        while self._writing:
            os.close(self._writing.popitem()[1])
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()


def _process(command: Sequence[str], reading: Sequence[int]) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(  # noqa: S603  (our own interpreter and arguments, no shell)
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        pass_fds=tuple(reading),
        env=ENVIRONMENT,
        cwd="/",
    )


def _answer(out: bytes) -> Mapping[str, str]:
    try:
        found = json_value(out)
        return {str(key): str(value) for key, value in found.items()}
    except (ValueError, AttributeError):
        raise WorldError("the proof gave no answer that can be read", code="E_PROOF") from None
