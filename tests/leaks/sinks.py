"""Where a value could be left: every place, and which room looks there.

``here`` is this room, without servers; ``lab`` the real platform. A place that a server makes is looked at on a lab.
"""

from collections.abc import Mapping
from typing import Final

HERE: Final = "here"
LAB: Final = "lab"
SINKS: Final[Mapping[str, frozenset[str]]] = {
    "terminal": frozenset({HERE}),
    "pipe": frozenset({HERE, LAB}),
    "json": frozenset({HERE, LAB}),
    "sarif": frozenset({HERE}),
    "junit": frozenset({HERE}),
    "journal": frozenset({HERE, LAB}),
    "ledger": frozenset({HERE, LAB}),
    "bundle": frozenset({HERE, LAB}),
    "records": frozenset({HERE, LAB}),
    "events": frozenset({LAB}),
    "object_metadata": frozenset({HERE, LAB}),
    "annotations": frozenset({HERE, LAB}),
    "pod_specs": frozenset({HERE, LAB}),
    "environment": frozenset({HERE, LAB}),
    "arguments": frozenset({HERE, LAB}),
    "temporary_files": frozenset({HERE, LAB}),
    "memory": frozenset(
        {HERE}
    ),  # what outlives the process: shared memory; swap is the machine's own, and is said
    "core": frozenset({HERE}),
    "tracebacks": frozenset({HERE}),
    "warnings": frozenset({HERE}),
    "ansible": frozenset({HERE}),
    "helper_homes": frozenset({HERE, LAB}),  # of ssh and gpg
    "http_debug": frozenset({HERE}),
    "vault_audit": frozenset({LAB}),
    "api_audit": frozenset({LAB}),
    "operator_logs": frozenset({LAB}),  # and Vault's, and those of all other pods
    "kubectl_cache": frozenset({HERE, LAB}),
    "git_objects": frozenset({HERE, LAB}),
    "shell_history": frozenset({HERE}),  # of who types what a hint says
    "image_layers": frozenset({LAB}),  # there is no image of the program: those that the lab builds
    "wheel": frozenset({HERE}),
    "test_reports": frozenset({HERE}),
}


def in_room(room: str) -> list[str]:
    return [name for name, rooms in SINKS.items() if room in rooms]
