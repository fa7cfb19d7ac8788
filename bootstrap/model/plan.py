"""The plan: the five phases joined with one commit's intent; a pure value with a digest (G5)."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

Plain = str | int | bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    id: str
    kind: str
    phase: str
    title: str
    needs: tuple[str, ...] = ()
    with_: Mapping[str, Plain] = field(default_factory=dict)
    gate: str = "none"
    where: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    id: str
    title: str
    authority: str
    steps: tuple[Step, ...]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """``document`` is what the digest covers: plain JSON values, the same bytes for the same inputs."""

    commit: str
    tool: str
    phases: tuple[Phase, ...]
    document: Mapping[str, Any]

    @property
    def environment(self) -> str:
        """The one that was named; empty where none was."""
        return str(self.document.get("environment", ""))

    @property
    def steps(self) -> tuple[Step, ...]:
        return tuple(step for phase in self.phases for step in phase.steps)

    def canonical(self) -> bytes:
        return json.dumps(self.document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()

    @cached_property
    def digest(self) -> str:
        """Each secret's metadata names it, so it is made once, of however many secrets."""
        return "sha256:" + hashlib.sha256(self.canonical()).hexdigest()
