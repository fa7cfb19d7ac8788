"""Runs playbooks on this machine through ansible-runner, and keeps nothing of it.

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
from pathlib import Path
from typing import Any, Literal

from bootstrap.model.errors import WorldError
from bootstrap.waiting import NotYet, retry

OnEvent = Callable[[Literal["start", "done", "skipped", "failed"], str, float], None]
Plain = str | int | bool


class AnsiblePlaybooks:
    """The playbooks of one folder, run by the ansible-core that this Python has installed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def run(self, name: str, variables: Mapping[str, Plain], on_event: OnEvent) -> None:
        """Run one; ``WorldError`` names the task that failed. An interrupt ends the playbook first."""
        with tempfile.TemporaryDirectory(prefix="bootstrap-ansible-") as private:  # mode 0700
            Path(private).chmod(0o700)
            _Run(self._folder, name, on_event).perform(Path(private), variables)


class _Run:
    def __init__(self, folder: Path, name: str, on_event: OnEvent) -> None:
        self._folder = folder
        self.name = name
        self._on_event = on_event
        self._begun = 0.0
        self._failure = ""
        self._failed_task = ""
        self._cancelled = threading.Event()
        self._raised: BaseException | None = None
        self._status = ""

    def perform(self, private: Path, variables: Mapping[str, Plain]) -> None:
        # A thread, so that the main one can be interrupted and then end the children in good order.
        worker = threading.Thread(target=self._guarded, args=(private, variables), name=self.name)
        worker.start()
        try:
            while worker.is_alive():
                worker.join(0.05)
        except BaseException:
            self._cancelled.set()
            worker.join()
            _end_all_of(private)
            raise
        if self._raised:
            raise self._raised
        if self._status != "successful":
            raise self._error()

    def _guarded(self, private: Path, variables: Mapping[str, Plain]) -> None:
        try:
            self._status = self._play(private, variables)
        except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
            self._raised = error

    def _play(self, private: Path, variables: Mapping[str, Plain]) -> str:
        from ansible_runner.interface import init_runner

        (private / "ansible.cfg").touch()  # empty, so that none is looked for elsewhere
        runner = init_runner(
            private_data_dir=str(private),
            project_dir=str(self._folder),
            playbook=f"{self.name}.yaml",
            inventory=_inventory(),
            extravars=dict(variables),
            envvars=_environment(private),
            quiet=True,
            settings={"suppress_ansible_output": True, "pexpect_use_poll": True},
            event_handler=self._hear,
            cancel_callback=self._cancelled.is_set,
        )
        # It starts from a copy of our environment: take out what we did not give.
        given = set(_environment(private))
        runner.config.env = {
            key: value
            for key, value in runner.config.env.items()
            if key in given or value != os.environ.get(key)
        }
        status, _ = runner.run()
        if status == "failed" and not self._failure:  # before the first task: a playbook that does not parse
            self._failure = _reason({"stdout": runner.stdout.read()})
        return str(status)

    def _hear(self, event: Mapping[str, Any]) -> bool:
        data = event.get("event_data", {})
        task = str(data.get("task", ""))
        match event.get("event"):
            case "playbook_on_task_start":
                self._begun = time.monotonic()
                self._on_event("start", task, 0)
            case "runner_on_ok":
                self._on_event("done", task, time.monotonic() - self._begun)
            case "runner_on_skipped":
                self._on_event("skipped", task, 0)
            case "runner_on_failed" | "runner_on_unreachable" if not data.get("ignore_errors"):
                self._failed_task, self._failure = task, _reason(data.get("res", {}))
                self._on_event("failed", task, time.monotonic() - self._begun)
            case _:
                pass
        return False  # do not keep the event's file

    def _error(self) -> WorldError:
        where = f"playbooks/{self.name}.yaml" + (f": {self._failed_task}" if self._failed_task else "")
        return WorldError(
            self._failure or f"Ansible ended as {self._status or 'nothing'}",
            code="E_HOST_WORK",
            where=where,
            hint="mend what it names and run the same command again: it goes on from there",
        )


def _end_all_of(private: Path) -> None:
    """End what an interrupted playbook started: its tasks live in sessions of their own and outlive it.

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


def _inventory() -> dict[str, Any]:
    local = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    return {"all": {"hosts": {"localhost": local}}}


def _environment(private: Path) -> dict[str, str]:
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
