"""Runs a playbook through ansible-runner, and keeps nothing of it.

ansible-runner writes every value it is given into files, process lists and event records. So it is given
plain values only, works in a private folder that goes with it, and sees none of the caller's environment.
"""

import contextlib
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from bootstrap.model.errors import WorldError
from bootstrap.waiting import NotYet, retry

OnEvent = Callable[[Literal["start", "done", "skipped", "failed"], str, float], None]
Plain = str | int | bool
LOCAL = "localhost"


@dataclass(frozen=True, slots=True)
class Failure:
    """What ended the work on one host; ``task`` is empty where no task had begun."""

    host: str
    task: str
    reason: str
    unreachable: bool = False


@dataclass(frozen=True, slots=True)
class Counts:
    """Tasks of one host: those that ended well, and those of them that changed it (or would, in check mode)."""

    ok: int
    changed: int


@dataclass(slots=True)
class Outcome:
    """``status`` is ansible-runner's word."""

    status: str = ""
    failures: list[Failure] = field(default_factory=list)
    hosts: dict[str, Counts] = field(default_factory=dict)


class AnsiblePlaybooks:
    """The playbooks of one folder, run on this machine by the ansible-core that this Python has installed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def run(self, name: str, variables: Mapping[str, Plain], on_event: OnEvent) -> None:
        """Run one; ``WorldError`` names the task that failed. An interrupt ends the playbook first."""
        with tempfile.TemporaryDirectory(prefix="bootstrap-ansible-") as private:  # mode 0700
            play = Play(self._folder, name, on_event, inventory=_this_machine(), variables=variables)
            outcome = play.perform(Path(private))
        if outcome.status != "successful":
            raise _error(name, outcome)


def _error(name: str, outcome: Outcome) -> WorldError:
    failure = outcome.failures[0] if outcome.failures else Failure(LOCAL, "", "")
    return WorldError(
        failure.reason or f"Ansible ended as {outcome.status or 'nothing'}",
        code="E_HOST_WORK",
        where=f"playbooks/{name}.yaml" + (f": {failure.task}" if failure.task else ""),
        hint="mend what it names and run the same command again: it goes on from there",
    )


@dataclass(slots=True)
class Play:
    """One run of one playbook. ``inventory`` is Ansible's own structure, or a file; ``arguments`` are more words
    of its command line; ``environment`` is added to the closed one that its processes get."""

    folder: Path
    name: str
    on_event: OnEvent
    inventory: dict[str, Any] | str
    variables: Mapping[str, Plain]
    arguments: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    _outcome: Outcome = field(default_factory=Outcome)
    _begun: dict[tuple[str, str], float] = field(default_factory=dict)
    _cancelled: threading.Event = field(default_factory=threading.Event)
    _raised: BaseException | None = None

    def perform(self, private: Path) -> Outcome:
        """To its end, whatever that is. ``private`` is a folder of mode 0700 that goes afterwards."""
        # A thread, so that the main one can be interrupted and then end the children in good order.
        worker = threading.Thread(target=self._guarded, args=(private,), name=self.name)
        worker.start()
        try:
            while worker.is_alive():
                worker.join(0.05)
        except BaseException:
            self._cancelled.set()
            worker.join()
            end_all_of(private)
            raise
        if self._raised:
            raise self._raised
        return self._outcome

    def _guarded(self, private: Path) -> None:
        try:
            self._play(private)
        except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
            self._raised = error

    def _play(self, private: Path) -> None:
        from ansible_runner.interface import init_runner

        given = {**closed_environment(private), **self.environment}
        (private / "ansible.cfg").touch()  # empty, so that none is looked for elsewhere
        runner = init_runner(
            private_data_dir=str(private),
            project_dir=str(self.folder),
            playbook=f"{self.name}.yaml",
            inventory=self.inventory,
            extravars=dict(self.variables),
            envvars=given,
            cmdline=self.arguments or None,
            quiet=True,
            settings={"suppress_ansible_output": True, "pexpect_use_poll": True},
            event_handler=self._hear,
            cancel_callback=self._cancelled.is_set,
        )
        # It starts from a copy of our environment: take out what we did not give.
        runner.config.env = {
            key: value
            for key, value in runner.config.env.items()
            if key in given or value != os.environ.get(key)
        }
        status, _ = runner.run()
        self._outcome.status = str(status)
        if status == "failed" and not self._outcome.failures:  # before the first task: it does not parse
            self._outcome.failures.append(Failure("", "", _reason({"stdout": runner.stdout.read()})))

    def _hear(self, event: Mapping[str, Any]) -> bool:
        data = event.get("event_data", {})
        host, task = str(data.get("host", "")), str(data.get("task", ""))
        subject = task if host == LOCAL else f"{host}: {task}"
        match event.get("event"):
            case "runner_on_start":
                self._begun[host, task] = time.monotonic()
                self.on_event("start", subject, 0)
            case "runner_on_ok":
                self.on_event("done", subject, self._took(host, task))
            case "runner_on_skipped":
                self.on_event("skipped", subject, 0)
            case "runner_on_failed" | "runner_on_unreachable" as how if not data.get("ignore_errors"):
                reason, away = _reason(data.get("res", {})), how == "runner_on_unreachable"
                self._outcome.failures.append(Failure(host, task, reason, away))
                self.on_event("failed", subject, self._took(host, task))
            case "playbook_on_stats":
                self._outcome.hosts = _counts(data)
            case _:
                pass
        return False  # do not keep the event's file

    def _took(self, host: str, task: str) -> float:
        now = time.monotonic()
        return now - self._begun.get((host, task), now)


def _counts(stats: Mapping[str, Any]) -> dict[str, Counts]:
    ok, changed = stats.get("ok", {}), stats.get("changed", {})
    return {
        host: Counts(ok.get(host, 0), changed.get(host, 0)) for host in sorted(stats.get("processed", {}))
    }


def end_all_of(private: Path) -> None:
    """End what a playbook started and has left: its tasks live in sessions of their own and outlive it.

    They are known by the private folder in their environment, which no other process has.
    """
    mark = os.fsencode(str(private) + "/")

    def end() -> None:
        left = [path for path in Path("/proc").glob("[0-9]*/environ") if mark in _read(path)]
        for path in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(path.parent.name), signal.SIGKILL)
        if left:
            raise NotYet

    with contextlib.suppress(NotYet):
        retry(end, clock=time, seconds=10, pause=0.02)


def _read(environ: Path) -> bytes:
    try:
        return environ.read_bytes()
    except OSError:  # it ended, or it is not ours
        return b""


def _this_machine() -> dict[str, Any]:
    local = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    return {"all": {"hosts": {LOCAL: local}}}


def closed_environment(private: Path) -> dict[str, str]:
    """All that a program of Ansible's gets to know of this machine."""
    path = [str(Path(sys.executable).parent), "/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin"]
    return {
        "PATH": os.pathsep.join([*path, "/sbin", "/bin"]),
        "HOME": str(private),
        "TMPDIR": str(private),
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "ANSIBLE_CONFIG": str(private / "ansible.cfg"),
        "ANSIBLE_HOME": str(private / "home"),
        "ANSIBLE_LOCAL_TEMP": str(private / "local"),
        "ANSIBLE_REMOTE_TEMP": str(private / "remote"),
        "ANSIBLE_PIPELINING": "1",  # a task is one process, not five
        "ANSIBLE_RETRY_FILES_ENABLED": "0",
        "ANSIBLE_DEPRECATION_WARNINGS": "0",
    }


def _reason(result: Mapping[str, Any]) -> str:
    """The last lines that the failed program printed, else what Ansible says about it."""
    for source in ("stderr", "module_stderr", "stdout", "msg"):
        lines = [line.strip() for line in str(result.get(source, "")).splitlines() if line.strip()]
        if lines:
            return " / ".join(lines[-3:])
    return "no reason given"
