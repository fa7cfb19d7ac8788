"""Everything that can be known from the catalog alone: pure functions from an Intent to findings."""

from collections.abc import Iterator

from bootstrap.intent.findings import Finding
from bootstrap.intent.rules import classes as rules_classes
from bootstrap.intent.rules import files as rules_files
from bootstrap.intent.rules import images as rules_images
from bootstrap.intent.rules import internal as rules_internal
from bootstrap.intent.rules import names as rules_names
from bootstrap.intent.rules import objects as rules_objects
from bootstrap.intent.rules import paths as rules_paths
from bootstrap.intent.rules import platform as rules_platform
from bootstrap.intent.rules import rotation as rules_rotation
from bootstrap.intent.rules import snapshots as rules_snapshots
from bootstrap.intent.rules import types as rules_types
from bootstrap.intent.rules import workloads as rules_workloads
from bootstrap.model.catalog import Intent


def judge(intent: Intent, *, whole: bool = True) -> tuple[Finding, ...]:
    """All findings, errors and warnings. ``whole`` is False when entries were left out because they could not
    be read; then nothing is reported about what is absent."""
    return tuple(_all(intent, whole))


def _all(intent: Intent, whole: bool) -> Iterator[Finding]:
    yield from rules_platform.judge(intent)
    yield from rules_images.judge(intent)
    yield from rules_snapshots.judge(intent)
    yield from rules_classes.judge(intent)
    yield from rules_rotation.judge(intent)
    yield from rules_names.judge(intent)
    yield from rules_types.judge(intent)
    yield from rules_paths.judge(intent)
    yield from rules_internal.judge(intent)
    yield from rules_files.judge(intent)
    yield from rules_objects.judge(intent)
    yield from rules_workloads.judge(intent)
    if whole:
        yield from rules_files.judge_absent(intent)
