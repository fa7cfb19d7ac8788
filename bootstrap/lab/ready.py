"""Whether a lab's cluster answers."""

import os
import subprocess

from bootstrap.lab.state import Lab


def is_ready(lab: Lab) -> bool:
    """Whether the API server says so itself; false as well when there is none."""
    kubectl = lab.state / "bin" / "kubectl"
    if not (lab.kubeconfig.is_file() and kubectl.is_file()):
        return False
    asked = subprocess.run(  # noqa: S603 - fixed arguments, no shell
        [str(kubectl), "--kubeconfig", str(lab.kubeconfig), "get", "--raw=/readyz", "--request-timeout=5s"],
        env={"PATH": os.defpath, "HOME": "/nonexistent"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    return asked.returncode == 0
