"""What a lab of kind asks for before anything is done."""

import os
import sys

from bootstrap.lab.state import Lab
from bootstrap.model.errors import DefinitionError, PreconditionError

MOST = 8  # workers; their networks are /24 of one /20


def require_linux_root() -> None:
    if sys.platform != "linux" or os.geteuid() != 0:
        raise PreconditionError(
            "a lab of kind keeps its nodes' files and a route on this machine: it needs root on Linux",
            code="E_LAB_ROOT",
            where="--provider kind",
            hint="run it again with sudo",
        )


def require_number(workers: int) -> None:
    """``DefinitionError`` unless a lab can have that many workers."""
    if not 0 <= workers <= MOST:
        raise DefinitionError(
            f"a lab has no {workers} workers",
            code="E_LAB_NODES",
            where="--nodes",
            hint=f"0 to {MOST}, beside the control plane",
        )


def require_workers(lab: Lab, workers: int | None) -> None:
    """``PreconditionError`` when a lab that is there has another number of them than is asked for."""
    has = int(lab.remembered().get("workers", 0))
    if workers is not None and workers != has and lab.initialised:
        raise PreconditionError(
            f"lab {lab.name} has {has} workers beside its control plane, not {workers}",
            code="E_LAB_NODES",
            where="--nodes",
            hint=f"bootstrap lab down --name {lab.name}, then up: nodes are not added to a lab",
        )


def require_all(lab: Lab, found: int) -> None:
    """``PreconditionError`` when containers of the lab are gone for good."""
    wanted = int(lab.remembered().get("workers", 0)) + 1
    if found != wanted:
        raise PreconditionError(
            f"lab {lab.name} has {wanted} nodes, and Docker knows {found} of them",
            code="E_LAB_NODES",
            where=f"lab {lab.name}",
            hint=f"bootstrap lab down --name {lab.name}, then up: a node that was removed cannot be had again",
        )
