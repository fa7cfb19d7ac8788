"""``docs/reference/phases.md``, from the phase files that `up` itself loads."""

from bootstrap.engine.loader import load_phases, phase_files
from bootstrap.model.plan import Phase, Step
from bootstrap.steps.registry import KINDS

TOP = """\
# Phases

`phases/*.yaml` is data: which steps there are, of which kind, in which order. A kind is code that observes, decides
and acts. `bootstrap plan` prints the same list joined with your intent. There is no way to leave a step out.

A step is done when its post-condition is seen to hold, never because it was claimed. `up` looks at every step, in this
order, and acts only where something is missing.
"""


def phases_page() -> str:
    phases = load_phases(phase_files(), KINDS)
    return TOP + "".join(_phase(phase) for phase in phases)


def _phase(phase: Phase) -> str:
    head = f"\n## {phase.id}: {phase.title}\n\nAuthority: {phase.authority}.\n\n"
    table = "| step | kind | after it holds | needs |\n|---|---|---|---|\n"
    return head + table + "".join(_row(step) for step in phase.steps)


def _row(step: Step) -> str:
    needs = ", ".join(f"`{need}`" for need in step.needs) or "-"
    gate = f" (wants `--approve {step.id}`)" if step.gate == "approve" else ""
    return f"| `{step.id}` | `{step.kind}` | {step.title}{gate} | {needs} |\n"
