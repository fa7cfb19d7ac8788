"""Everything that can be known from the catalog alone: pure functions from an Intent to findings."""

from collections.abc import Iterator

from bootstrap.intent import (
    rules_classes,
    rules_files,
    rules_internal,
    rules_names,
    rules_objects,
    rules_paths,
    rules_platform,
    rules_rotation,
    rules_types,
    rules_workloads,
)
from bootstrap.intent.findings import Finding
from bootstrap.model.catalog import Intent


def judge(intent: Intent, *, whole: bool = True) -> tuple[Finding, ...]:
    """All findings, errors and warnings. ``whole`` is False when entries were left out because they could not
    be read; then nothing is said about what is absent."""
    return tuple(_all(intent, whole))


def _all(intent: Intent, whole: bool) -> Iterator[Finding]:
    yield from rules_platform.judge(intent)
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
