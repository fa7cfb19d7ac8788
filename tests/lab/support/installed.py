"""Debian's packages that a test needs, and a lab does not."""

import os
import subprocess


def install(*packages: str) -> None:
    """Where they are missing."""
    known = subprocess.run(["dpkg-query", "--show", *packages], capture_output=True)
    if known.returncode:
        words = ["apt-get", "-o", "DPkg::Lock::Timeout=300", "--quiet", "--yes", "--no-install-recommends"]
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run([*words, "update"], env=quiet, check=True, capture_output=True)
        subprocess.run([*words, "install", *packages], env=quiet, check=True, capture_output=True)
