"""Both providers of labs on the same work: how many times longer does kind take than the node in a box?

    python -m benchmarks.labs [--rounds N] [--out FILE]

Needs root, and that everything is built (`bootstrap lab up` of either provider once, then `down`). Rounds
alternate between the providers, so that a busy machine slows both. Seconds of the wall clock, the median of
the rounds; the ratio of the medians is what counts.
"""

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from benchmarks.machine import machine
from bootstrap.adapters.kubernetes.kubeconfig import load_kubeconfig
from bootstrap.adapters.kubernetes.portforward import PodDialer
from bootstrap.lab.cgroup import members
from bootstrap.lab.state import find
from tests.faults.templates import Templates
from tests.lab.support.cluster import Kube, Lab
from tests.lab.support.lifecycle import CLAIM, busybox
from tests.support.program import BOOTSTRAP

TARGET = 1.3
PROVIDERS = ("local", "kind")
CALLS, FORWARDS = 200, 20
LISTENER = "echo hello > /tmp/x; httpd -f -p 8200 -h /tmp"


def command(*arguments: str) -> str:
    line = [str(BOOTSTRAP), "lab", *arguments]
    done = subprocess.run(line, capture_output=True, text=True, check=False)  # noqa: S603 - our own program
    assert done.returncode == 0, f"lab {' '.join(arguments)}: {done.stderr}"
    return done.stdout


def taken(work: Callable[[], object]) -> float:
    begun = time.monotonic()
    work()
    return time.monotonic() - begun


class Subject:
    """Two labs of one provider, of which the second is only there to be beside the first."""

    def __init__(self, provider: str, folder: Path) -> None:
        self.provider, self.folder = provider, folder
        self.name, self.other = f"bench-{provider}", f"bench-{provider}-two"

    def up(self, name: str = "") -> None:
        command("up", "--name", name or self.name, "--provider", self.provider)

    def down(self, name: str = "") -> None:
        command("down", "--name", name or self.name)

    @property
    def lab(self) -> Lab:
        return Lab.of(json.loads(command("status", "--name", self.name, "-o", "json")))

    def work(self) -> Iterator[tuple[str, float]]:
        yield "up, command to ready", taken(self.up)
        yield "up on a lab that runs", taken(self.up)
        kube = Kube(self.lab)
        yield f"{CALLS} calls of the API server", taken(lambda: self._calls(CALLS))
        kube.apply(busybox("listener", LISTENER))
        kube.run("wait", "--for=condition=Ready", "pod/listener", "--timeout=60s")
        yield f"{FORWARDS} port-forwards with a request each", taken(self._forwards)
        yield "a pod with a new volume", taken(lambda: self._volume(kube))
        yield "the same, its volume replaced", taken(lambda: self._volume(kube))
        templates = Templates(self.lab, self.folder / self.provider)
        yield "a template taken (everything frozen)", taken(lambda: templates.take("one"))
        yield "a template put back, until ready", taken(lambda: templates.restore("one"))
        self._kill()
        yield "up on the remains of killed processes", taken(self.up)
        yield "a second lab beside it", taken(lambda: self.up(self.other))
        yield "down of the second", taken(lambda: self.down(self.other))
        yield "down", taken(self.down)

    def _calls(self, number: int) -> None:
        from kubernetes.client import ApiClient, CoreV1Api

        with ApiClient(load_kubeconfig(self.lab.kubeconfig).configuration) as client:
            for _ in range(number):
                CoreV1Api(client).read_namespace("kube-system")

    def _forwards(self) -> None:
        dialer = PodDialer(load_kubeconfig(self.lab.kubeconfig), "default")
        for _ in range(FORWARDS):
            with closing(dialer.dial("listener", 8200)) as stream:
                stream.settimeout(10)
                stream.sendall(b"GET /x HTTP/1.0\r\n\r\n")
                assert stream.recv(1000).startswith(b"HTTP/1.")

    def _volume(self, kube: Kube) -> None:
        kube.run("delete", "pod/writer", "pvc/data", "--ignore-not-found", "--wait")
        kube.apply(CLAIM, busybox("writer", "echo here > /data/said", claim="data"))
        kube.run("wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/writer", "--timeout=120s")

    def _kill(self) -> None:
        known = find(self.name)
        assert known is not None
        while left := members(self.name, known.remembered().get("containers", ())):
            for pid in left:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.05)


def measured(rounds: int) -> dict[str, dict[str, list[float]]]:
    found: dict[str, dict[str, list[float]]] = {}
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        for number in range(rounds):
            for provider in PROVIDERS if number % 2 == 0 else reversed(PROVIDERS):
                subject = Subject(provider, Path(folder) / str(number))
                try:
                    for what, seconds in subject.work():
                        found.setdefault(what, {}).setdefault(provider, []).append(seconds)
                        print(f"{provider:6} {seconds:7.2f} s  {what}", file=sys.stderr, flush=True)  # noqa: T201 - a report
                finally:
                    subject.down(subject.other)
                    subject.down()
    return found


def table(found: dict[str, dict[str, list[float]]]) -> dict[str, dict[str, Any]]:
    lines: dict[str, dict[str, Any]] = {}
    for what, by_provider in found.items():
        middle = {provider: statistics.median(values) for provider, values in by_provider.items()}
        ratio = middle["kind"] / middle["local"]
        seconds = {provider: round(value, 2) for provider, value in middle.items()}
        lines[what] = {**seconds, "ratio": round(ratio, 2), "all": by_provider}
    return lines


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    before = machine()
    lines = table(measured(options.rounds))
    for what, line in lines.items():
        print(f"{what:42} {line['local']:8.2f} {line['kind']:8.2f} {line['ratio']:6.2f}")  # noqa: T201 - a report
    if options.out:
        result = {"machine": before, "loadAfter": machine()["load"], "rounds": options.rounds, "work": lines}
        options.out.write_text(json.dumps(result, indent=1) + "\n")
    return int(any(line["ratio"] > TARGET for line in lines.values()))


if __name__ == "__main__":
    sys.exit(main())
