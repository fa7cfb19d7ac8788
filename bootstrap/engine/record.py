"""The run record: ConfigMap ``bootstrap-run`` in ``bootstrap-system``, changed by compare-and-swap only.

It says which run last began (``epoch`` counts them), under which plan, and whether it came to its end.
A lost answer is followed by a look, so ``settle`` returns only when the record is seen to be ours, or is not.
"""

import json
from dataclasses import asdict, dataclass
from typing import Any, Final

from bootstrap.model.errors import EvidenceError, UnknownOutcome, WorldError
from bootstrap.model.names import MANAGED_BY, OURS, SYSTEM_NAMESPACE
from bootstrap.model.outside import json_value
from bootstrap.ports import Clock, Cluster, Object, Ref, Refused
from bootstrap.waiting import swap

LABELS: Final = {MANAGED_BY: OURS}
RUN: Final = Ref("v1", "ConfigMap", "bootstrap-run", SYSTEM_NAMESPACE)
RUNNING: Final = "running"
FINISHED: Final = "finished"
ABANDONING: Final = "abandoning"
ABANDONED: Final = "abandoned"
SETTING: Final = "setting"  # a value is being changed on a finished cluster; no plan holds the next run
REKEYING: Final = "rekeying"  # Vault gets another unseal share, on a finished cluster too
STATES: Final = (RUNNING, FINISHED, ABANDONING, ABANDONED, SETTING, REKEYING)
AT_WORK: Final = (RUNNING, ABANDONING, SETTING, REKEYING)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """``accepted`` are plan digests whose change a human accepted, ``approvals`` the approvals that the run rests on.
    ``unrecorded`` are decisions that the ledger does not have yet (``Run.unrecorded``); they outlive the run.

    ``holder`` is who began it, in words, ``since`` when (UTC, RFC 3339), ``tool`` by which version: for people.
    """

    epoch: int
    run: str
    plan: str
    commit: str
    state: str
    accepted: tuple[str, ...] = ()
    approvals: tuple[str, ...] = ()
    holder: str = ""
    since: str = ""
    tool: str = ""
    unrecorded: tuple[str, ...] = ()


def read_run(cluster: Cluster) -> RunRecord | None:
    """Raises Transient, and EvidenceError E_RUN_RECORD where the record is not one of ours."""
    live = cluster.get(RUN)
    return None if live is None else _parse(live)


def _parse(live: Object) -> RunRecord:
    try:
        raw: dict[str, Any] = json_value(live["data"]["run"])
        raw["accepted"], raw["approvals"] = tuple(raw["accepted"]), tuple(raw["approvals"])
        raw["unrecorded"] = tuple(raw.get("unrecorded", ()))  # earlier versions had none
        return RunRecord(**raw)
    except (KeyError, TypeError, ValueError):
        raise EvidenceError(
            "the run record cannot be read", code="E_RUN_RECORD", where=str(RUN), hint="bootstrap status"
        ) from None


def settle(cluster: Cluster, clock: Clock, before: RunRecord | None, wanted: RunRecord) -> bool:
    """Puts ``wanted`` in the place of ``before``. False: another run changed the record first."""

    def put(live: Object | None) -> bool | Refused:
        found = None if live is None else _parse(live)
        if found != before or found == wanted:
            return found == wanted
        answer = _put(cluster, live, wanted)
        return answer if isinstance(answer, Refused) else True

    return swap(
        lambda: cluster.get(RUN),
        put,
        clock=clock,
        refused=lambda answer: WorldError(
            f"the run record cannot be written: {answer.reason}: {answer.detail}", where=str(RUN)
        ),
        unsettled=lambda _: UnknownOutcome(
            "the run record does not settle", code="E_RUN_RECORD", where=str(RUN)
        ),
    )


def _put(cluster: Cluster, live: Object | None, wanted: RunRecord) -> Object | Refused:
    data = {"run": json.dumps(asdict(wanted), sort_keys=True)}
    if live is not None:
        return cluster.replace({**live, "data": data})
    metadata = {"name": RUN.name, "namespace": RUN.namespace, "labels": dict(LABELS)}
    return cluster.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data})
