"""Docker's own command: the user's engine as they have set it up, or the one behind a socket of ours."""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bootstrap.lab.callers import callers_environment
from bootstrap.model.errors import PreconditionError, WorldError


@dataclass(frozen=True, slots=True)
class Docker:
    """One engine. Without ``socket`` it is the user's: their environment and context say which."""

    socket: Path | None = None

    def environment(self) -> Mapping[str, str]:
        """For every program that asks Docker for something, kind among them."""
        if self.socket is None:
            return callers_environment()
        ours = {key: value for key, value in callers_environment().items() if not key.startswith("DOCKER_")}
        return {**ours, "DOCKER_HOST": f"unix://{self.socket}"}

    def run(self, *arguments: str, stdin: Path | None = None) -> str:
        """What it prints. ``WorldError`` E_LAB_DOCKER with the last line of its error output."""
        done = self.attempt(*arguments, stdin=stdin)
        if done.returncode:
            last = done.stderr.strip().splitlines()[-1:] or [f"status {done.returncode}"]
            raise WorldError(
                f"docker {arguments[0]} failed: {last[0]}",
                code="E_LAB_DOCKER",
                where=str(self.socket or "the Docker that `docker version` asks"),
                hint="mend what it names and run the same command again: it goes on from there",
            )
        return done.stdout

    def attempt(
        self, *arguments: str, stdin: Path | None = None, seconds: float | None = None
    ) -> subprocess.CompletedProcess[str]:
        """The finished process whatever its status; status 124 where it took longer than ``seconds``."""
        with (stdin or Path(os.devnull)).open("rb") as given:
            try:
                return subprocess.run(  # noqa: S603 - fixed arguments, no shell
                    [program(), *arguments],
                    env=self.environment(),
                    stdin=given,
                    capture_output=True,
                    text=True,
                    timeout=seconds,
                    check=False,
                )
            except subprocess.TimeoutExpired:
                return subprocess.CompletedProcess(arguments, 124, "", f"no answer in {seconds:.0f} s")

    def answers(self) -> bool:
        """Whether an engine is there; false as well where not even the command is."""
        if shutil.which("docker") is None or (self.socket is not None and not self.socket.exists()):
            return False
        return self.attempt("version", "--format", "{{.Server.Version}}", seconds=10).returncode == 0

    def inspect(self, kind: str, name: str) -> dict[str, Any] | None:
        """The object's own description, or None where there is no such object."""
        done = self.attempt(kind, "inspect", name)
        if done.returncode:
            return None
        found: list[dict[str, Any]] = json.loads(done.stdout)
        return found[0]


def program() -> str:
    """The path of Docker's command."""
    found = shutil.which("docker") or shutil.which("docker", path="/usr/local/bin:/usr/bin")
    if not found:
        raise PreconditionError(
            "there is no docker command here",
            code="E_LAB_DOCKER",
            where="PATH",
            hint="install Docker, or use --provider local",
        )
    return found
