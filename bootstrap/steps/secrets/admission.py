"""A retired scaffold does not come back: admission refuses its re-creation, and new content of one that was emptied,
by any user (H3)."""

from bootstrap.model.catalog import RetireMode, Secret
from bootstrap.ports import Object
from bootstrap.steps.context.admission import Guard, listed, rule

POLICY = "bootstrap-retired-scaffolds"
REFUSAL = "this bootstrap secret was retired: Vault is its authority"


def admission_policy(secrets: tuple[Secret, ...]) -> tuple[Object, Object]:
    """The ValidatingAdmissionPolicy and its binding, for all scaffolds of the catalog."""
    emptied = tuple(s for s in secrets if s.handover.retire is RetireMode.INERT)
    must = {f"request.operation != 'CREATE' || !({_among(secrets)})": REFUSAL}
    if emptied:
        empty = "!has(object.data) || size(object.data) == 0"
        must[f"request.operation != 'UPDATE' || !({_among(emptied)}) || {empty}"] = REFUSAL
    return Guard(
        name=POLICY,
        role="retirement",
        rules=(rule(["CREATE", *(["UPDATE"] if emptied else [])], "secrets"),),
        only={},
        must=must,
    ).objects()


def _among(secrets: tuple[Secret, ...]) -> str:
    names = [f"{s.scaffold.namespace}/{s.scaffold.name}" for s in secrets if s.scaffold]
    return f"(request.namespace + '/' + request.name) in {listed(names)}"
