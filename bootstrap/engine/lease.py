"""The Lease that tells a second operator, politely, who is at work (docs/explanation/crash-safety.md).

Safety never rests on it: it comes from create-only objects, compare-and-swap and UID preconditions. Expiry is
judged by the local monotonic clock: a Lease that does not change for one duration has no owner; the
clocks of two machines are never compared.
"""

import threading
from datetime import datetime
from typing import Any, Final

from bootstrap.model.errors import BootstrapError, HeldError, UnknownOutcome, WorldError
from bootstrap.model.names import MANAGED_BY, OURS, SYSTEM_NAMESPACE
from bootstrap.ports import Clock, Cluster, Narrator, Object, Ref, Refused
from bootstrap.waiting import NotYet, retry, swap

LABELS: Final = {MANAGED_BY: OURS}
LEASE: Final = Ref("coordination.k8s.io/v1", "Lease", "bootstrap", SYSTEM_NAMESPACE)
DURATION: Final = 15  # seconds
HELD: Final = "E_HELD"
RENEW_EVERY: Final = 5.0  # seconds


def held(holder: str, since: str, where: Ref = LEASE) -> HeldError:
    return HeldError(
        f"another run holds the cluster: {holder}, since {since}",
        code=HELD,
        where=str(where),
        hint="wait for it, or end it: its successor takes over by itself after 15 seconds",
    )


def taken_over(by: str, where: Ref = LEASE) -> HeldError:
    """Another run had the cluster, and is over; ``by`` says which and how it ended, where that is known."""
    return HeldError(
        f"another run took the cluster over meanwhile{f': {by}' if by else ', and has let it go'}",
        code=HELD,
        where=str(where),
        hint="`bootstrap status` shows what it left; `bootstrap up` goes on from there",
    )


def held_by(spec: dict[str, Any]) -> HeldError:
    holder = spec.get("holderIdentity")
    return held(str(holder), str(spec.get("acquireTime"))) if holder else taken_over("")


def holder_of(cluster: Cluster) -> str:
    """Who the Lease names and since when, alive or not; empty where it is free."""
    live = cluster.get(LEASE)
    holder = live["spec"].get("holderIdentity") if live else ""
    return f"{holder}, since {live['spec'].get('acquireTime')}" if live and holder else ""


class Lease:
    """``holder`` is what a second operator reads: who, where, which run."""

    def __init__(self, cluster: Cluster, clock: Clock, narrator: Narrator, holder: str) -> None:
        self._cluster = cluster
        self._clock = clock
        self._narrator = narrator
        self._holder = holder
        self._acquired = ""

    def acquire(self) -> None:
        """Takes the Lease; waits one duration for a holder that shows no life. Raises HeldError exit 7."""

        def put(live: Object | None) -> Object | Refused:
            if live is not None and self._is_mine(live):
                return live
            if live is not None and live["spec"].get("holderIdentity"):
                live = self._outwait(live)
            return self._take(live)

        swap(
            lambda: self._cluster.get(LEASE),
            put,
            clock=self._clock,
            pause=1.0,
            longest=None,
            refused=lambda answer: WorldError(
                f"the Lease cannot be taken: {answer.reason}: {answer.detail}", where=str(LEASE)
            ),
            unsettled=lambda _: UnknownOutcome("the Lease cannot be taken", code="E_LEASE", where=str(LEASE)),
        )

    def renew(self) -> None:
        """Raises HeldError when another run has it now; Transient and UnknownOutcome pass through."""
        live = self._cluster.get(LEASE)
        if live is None or not self._is_mine(live):
            raise held_by({} if live is None else live["spec"])
        self._cluster.replace({**live, "spec": {**live["spec"], "renewTime": self._now()}})

    def release(self) -> None:
        """Lets go, if it is ours; best effort: an unreleased Lease only costs a successor 15 seconds."""
        try:
            live = self._cluster.get(LEASE)
            if live is not None and self._is_mine(live):
                self._cluster.replace({**live, "spec": {**live["spec"], "holderIdentity": ""}})
        except WorldError:
            self._narrator.event("note", message="the Lease could not be released; it ends by itself")

    def _outwait(self, live: Object) -> Object | None:
        """The Lease as it is after one duration without change. Raises HeldError as soon as it changes."""
        spec = live["spec"]
        duration = float(spec.get("leaseDurationSeconds") or DURATION)
        self._narrator.event(
            "waiting",
            message=f"the cluster was held by {spec.get('holderIdentity')} since {spec.get('acquireTime')}; "
            f"taking over when it shows no life for {duration:.0f} s",
        )
        version = live["metadata"]["resourceVersion"]

        def look() -> Object | None:
            found = self._cluster.get(LEASE)
            if found is None or not found["spec"].get("holderIdentity"):
                return found
            if found["metadata"]["resourceVersion"] != version:
                raise held_by(found["spec"])
            raise NotYet

        try:
            return retry(look, clock=self._clock, seconds=duration, pause=1.0, errors=())
        except NotYet:
            self._narrator.event(
                "note", message=f"took over from {spec.get('holderIdentity')}, which shows no life"
            )
            return live

    def _take(self, live: Object | None) -> Object | Refused:
        self._acquired = self._now()
        spec = {
            "holderIdentity": self._holder,
            "leaseDurationSeconds": DURATION,
            "acquireTime": self._acquired,
            "renewTime": self._acquired,
        }
        if live is None:
            metadata = {"name": LEASE.name, "namespace": LEASE.namespace, "labels": dict(LABELS)}
            return self._cluster.create(
                {"apiVersion": LEASE.api, "kind": LEASE.kind, "metadata": metadata, "spec": spec}
            )
        spec["leaseTransitions"] = int(live["spec"].get("leaseTransitions") or 0) + 1
        return self._cluster.replace({**live, "spec": spec})

    def _is_mine(self, live: Object) -> bool:
        return bool(live["spec"].get("holderIdentity") == self._holder)

    def _now(self) -> str:
        moment: datetime = self._clock.now()
        return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")  # a Lease wants six decimals


class Heartbeat:
    """Renews a Lease from a daemon thread until it is stopped, lost, or fails for one whole duration."""

    def __init__(self, lease: Lease, clock: Clock, every: float = RENEW_EVERY) -> None:
        self._lease = lease
        self._clock = clock
        self._every = every
        self._stop = threading.Event()
        self._lost: HeldError | None = None
        self._thread = threading.Thread(target=self._beat, name="lease", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=self._every)

    def check(self) -> None:
        """Raises HeldError once another run was seen to hold the Lease."""
        if self._lost is not None:
            raise self._lost

    def _beat(self) -> None:
        good = self._clock.monotonic()
        while not self._stop.wait(self._every):
            try:
                self._lease.renew()
                good = self._clock.monotonic()
            except HeldError as error:
                self._lost = error
                return
            except BootstrapError:
                if self._clock.monotonic() - good > DURATION:
                    return
