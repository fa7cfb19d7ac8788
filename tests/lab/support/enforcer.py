"""Network policies that are enforced: kube-router's firewall, and nothing else of it, inside the box of a lab."""

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from bootstrap.lab.build import binaries
from tests.lab.support.cluster import Kube
from tests.lab.support.installed import install
from tests.lab.support.plugin import lab_command
from tests.lab.support.waiting import until

OFF = ("router", "service-proxy", "loadbalancer")
OWN = re.compile(r"kube-router netpol|KUBE-ROUTER|KUBE-NWPLCY|KUBE-POD-FW")


@contextmanager
def enforced(kube: Kube) -> Iterator[None]:
    """From the first packet of a pod that is made inside; afterwards none of its rules is left."""
    assert not kube.lab.containers, "a node of kind has no ipset: with a lab of the provider local"
    install("ipset")
    program = binaries("kube-router")["kube-router"]
    facts = json.loads(lab_command("status", "--name", kube.lab.name, "-o", "json"))
    node = ("nsenter", "--target", str(facts["pid"]), "--net", "--mount", "--")
    (name,) = (each["metadata"]["name"] for each in kube.list("nodes"))
    words = [f"--run-{part}=false" for part in OFF]
    words += ["--run-firewall=true", "--kubeconfig=/etc/kubernetes/admin.conf", f"--hostname-override={name}"]
    running = subprocess.Popen(
        [*node, str(program), *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        until(
            lambda: any("-j KUBE-ROUTER-FORWARD" in rule for rule in _rules(node)), 60, "no rule of its own"
        )
        yield
        assert running.poll() is None, "kube-router ended by itself"
    finally:
        running.terminate()
        running.wait()
        kept = "\n".join(rule for rule in _rules(node) if not OWN.search(rule)) + "\n"
        subprocess.run([*node, "iptables-restore", "--table", "filter"], input=kept, text=True, check=True)


def _rules(node: tuple[str, ...]) -> list[str]:
    done = subprocess.run(
        [*node, "iptables-save", "--table", "filter"], capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()
