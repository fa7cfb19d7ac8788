"""Images of what equals root or reads values (Vault, the operator, this program): pinned by digest, or named (S3)."""

import re
from collections.abc import Iterator

from bootstrap.intent.findings import Finding, Level
from bootstrap.intent.plain_secrets import SUFFIXES
from bootstrap.model.catalog import Intent

_DIGEST = re.compile(r"@sha256:[0-9a-f]{64}")
_IMAGE = re.compile(rb"""^[ \t]*(?:-[ \t]+)?["']?image["']?[ \t]*:[ \t]*["']?([^\s"'#,}]+)""", re.MULTILINE)


def judge(intent: Intent) -> Iterator[Finding]:
    """W_IMAGE_TAG: who controls the registry can put another image under a tag."""
    yield from _tagged("Vault's image", intent.platform.vault.image, intent.platform.where)
    if intent.platform.snapshots is not None:
        yield from _tagged("the image of snapshots", intent.platform.snapshots.image, intent.platform.where)
    folder = intent.platform.external_secrets.manifests
    for path, data in sorted(intent.manifests.items()):
        if folder and path.startswith(f"{folder}/") and path.endswith(SUFFIXES):
            for found in _IMAGE.finditer(data):
                line = data.count(b"\n", 0, found.start(1)) + 1
                yield from _tagged(
                    "the operator's image", found[1].decode("utf-8", "replace"), f"{path}:{line}"
                )


def _tagged(whose: str, image: str, where: str) -> Iterator[Finding]:
    if not _DIGEST.search(image):
        message = f"{whose} {image} is named by a tag, which its registry can move"
        hint = "write IMAGE@sha256:DIGEST, as `docker buildx imagetools inspect IMAGE` shows it"
        yield Finding(id="W_IMAGE_TAG", where=where, message=message, hint=hint, level=Level.WARNING)
