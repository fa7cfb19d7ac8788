"""Images by digest: an archive names its image by tag and by digest, and a lab says which digest that is (S3).

A tag can be moved, and a repository that names digests is what people have; so a lab's nodes know both names.
"""

import json
import tarfile
from collections.abc import Mapping
from functools import cache as once
from pathlib import Path

from bootstrap.model.layout import IMAGE_DIGESTS

_NAME = "io.containerd.image.name"  # as containerd takes it from the index of an OCI layout


def named_by_digest(layout: Path) -> None:
    """The OCI layout in that folder, which holds one image, gives it its name with the digest too."""
    path = layout / "index.json"
    index = json.loads(path.read_text(encoding="utf-8"))
    (image,) = index["manifests"]
    named = image["annotations"]["org.opencontainers.image.ref.name"]
    known = {**image, "annotations": {_NAME: reference(named, image["digest"])}}
    path.write_text(json.dumps({**index, "manifests": [image, known]}), encoding="utf-8")


def reference(name: str, digest: str) -> str:
    """``REPOSITORY@sha256:...`` for ``REPOSITORY:TAG``: what a node looks for when a pod names both."""
    return f"{name.rpartition(':')[0]}@{digest}"


@once
def of(archive: Path) -> str:
    """``sha256:...`` of the image in an archive; its file never changes under one name."""
    with tarfile.open(archive) as opened:
        member = opened.extractfile("index.json")
        assert member is not None
        return str(json.loads(member.read())["manifests"][0]["digest"])


def named(known: Mapping[str, Mapping[str, str]]) -> list[str]:
    """What ``lab status`` shows of what a lab remembers: ``NAME:TAG@DIGEST``, as a repository writes it."""
    found = known.get("digests", {})
    return sorted(f"{name}@{found[name]}" if name in found else name for name in known.get("images", {}))


def write(manifests: Path, digests: Mapping[str, str]) -> None:
    """For ``bootstrap init --manifests``: image name to digest."""
    manifests.mkdir(parents=True, exist_ok=True)
    (manifests / IMAGE_DIGESTS).write_text(
        json.dumps(digests, indent=2, sort_keys=True) + "\n", encoding="utf-8"
    )
