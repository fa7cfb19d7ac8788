"""One cluster of kind: made, brought back, waited for, ended."""

import os
import re
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bootstrap.lab.kind import config
from bootstrap.lab.kind.docker import Docker
from bootstrap.lab.kind.nodes import NETWORK, nodes
from bootstrap.lab.ports import OnEvent
from bootstrap.lab.state import Lab
from bootstrap.model.errors import WorldError
from bootstrap.waiting import NotYet, retry

_PATIENCE = 240.0  # seconds until pods can run, find each other and have volumes


@dataclass(frozen=True, slots=True)
class Cluster:
    """``kind`` is the path of its program."""

    docker: Docker
    kind: Path
    lab: Lab
    on_event: OnEvent

    def create(self, configuration: Path) -> None:
        """Nodes, control plane, kubeconfig. WorldError E_LAB_KIND with the last thing that kind complained of."""
        self.network()
        with _timed(self.on_event, "creating the cluster"):
            self._kind("create", "cluster", "--config", str(configuration), "--retain")
        self.lab.kubeconfig.chmod(0o600)

    def delete(self) -> None:
        """Its containers and their volumes are gone; the network too when nothing else is on it."""
        found = nodes(self.docker, self.lab)
        if found:
            with _timed(self.on_event, "deleting the cluster"):
                self.docker.run("rm", "--force", "--volumes", *(node.name for node in found))
        network = self.docker.inspect("network", NETWORK)
        if network and not network["Containers"] and not self._stopped_ones_on_it():
            self.docker.attempt("network", "rm", NETWORK)

    def _stopped_ones_on_it(self) -> bool:
        return bool(self.docker.run("ps", "--all", "--quiet", "--filter", f"network={NETWORK}").strip())

    def wait(self, kubectl: Callable[..., "subprocess.CompletedProcess[str]"]) -> None:
        """Until nodes, names and storage are ready. ``WorldError`` E_LAB_KIND says what was waited for last."""
        with _timed(self.on_event, "waiting for nodes, names and storage"):
            until, left = time.monotonic() + _PATIENCE, list(_AWAITED)

            def look() -> None:
                while left:
                    done = kubectl(*left[0], f"--timeout={max(1, int(min(10, until - time.monotonic())))}s")
                    if done.returncode:
                        what = f"`kubectl {' '.join(left[0])}` says: {_last(done.stderr)}"
                        raise NotYet(_failed(what, self.lab))
                    left.pop(0)

            retry(look, clock=time, seconds=_PATIENCE, pause=0.2)

    def network(self) -> None:
        """In place before kind looks for it: it would take addresses of its own choice."""
        if self.docker.inspect("network", NETWORK) is None:
            command = [
                *("network", "create", "--driver", "bridge", "--subnet", config.NODES),
                *(
                    "--gateway",
                    config.GATEWAY,
                    "--opt",
                    "com.docker.network.bridge.enable_ip_masquerade=false",
                ),
                *("--opt", "com.docker.network.bridge.name=bootlabkind", NETWORK),
            ]
            made = self.docker.attempt(*command)
            if (
                made.returncode and self.docker.inspect("network", NETWORK) is None
            ):  # nor by another lab's `up`
                self.docker.run(*command)
        self._keep_in()

    def _keep_in(self) -> None:
        """This machine forwards nothing from there, where the engine runs on it."""
        switch = Path("/proc/sys/net/ipv4/conf/bootlabkind/forwarding")
        if switch.exists():
            switch.write_text("0")

    def _kind(self, *arguments: str) -> None:
        environment = {**self.docker.environment(), "KIND_EXPERIMENTAL_DOCKER_NETWORK": NETWORK}
        environment.pop("KIND_EXPERIMENTAL_PROVIDER", None)
        chosen = ["--name", config.cluster_name(self.lab), "--kubeconfig", str(self.lab.kubeconfig)]
        done = subprocess.run(  # noqa: S603 - fixed arguments, no shell
            [str(self.kind), *arguments, *chosen],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        log = self.lab.state / "kind.log"
        log.write_text(done.stdout + done.stderr, encoding="utf-8")
        if done.returncode:
            raise _failed(f"kind {' '.join(arguments[:2])} failed: {_complaint(done.stderr)}", self.lab)


_AWAITED = (
    ("wait", "--for=condition=Ready", "nodes", "--all"),
    ("-n", "kube-system", "rollout", "status", "deployment/coredns"),
    ("-n", "local-path-storage", "rollout", "status", "deployment/local-path-provisioner"),
    ("wait", "--for=create", "serviceaccount/default"),
)


def kubectl(lab: Lab) -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """The cluster's administrator."""

    def ask(*arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(  # noqa: S603 - fixed arguments, no shell
            [str(lab.state / "bin" / "kubectl"), "--kubeconfig", str(lab.kubeconfig), *arguments],
            env={"PATH": os.defpath, "HOME": str(lab.state / "home")},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    return ask


class _timed:  # noqa: N801 - read as a word of the sentence
    """Says when a piece of work begins and how it ends."""

    def __init__(self, on_event: OnEvent, subject: str) -> None:
        self._on_event, self._subject, self._begun = on_event, subject, 0.0

    def __enter__(self) -> None:
        self._begun = time.monotonic()
        self._on_event("start", self._subject, 0)

    def __exit__(self, kind: object, *_rest: object) -> None:
        self._on_event("failed" if kind else "done", self._subject, time.monotonic() - self._begun)


def _failed(what: str, lab: Lab) -> WorldError:
    return WorldError(
        what,
        code="E_LAB_KIND",
        where=f"lab {lab.name}",
        hint=f"look at {lab.state / 'kind.log'} and {lab.state / 'var-log'}; saying it again starts it over",
    )


def _complaint(log: str) -> str:
    """kind writes a log, then ERROR: and why, then a stack."""
    why = re.search(r"^ERROR: (.*)$", log, re.MULTILINE)
    return why[1] if why else _last(log)


def _last(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "nothing"
