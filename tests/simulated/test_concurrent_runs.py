"""Others at work on the same cluster, with no Lease to keep them apart: what is safe is safe without it.

Two operators step by step, a GitOps controller, a rotator, nodes that restart, servers that go away, a full disk, a
wrong clock. Each ends where an undisturbed run ends.
"""

import random
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bootstrap.engine import lock
from bootstrap.model.decision import Blocked
from bootstrap.model.errors import BootstrapError, DecisionNeeded, EvidenceError, PreconditionError
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Ref
from bootstrap.steps.registry import kind_class
from tests.simulator.concurrent import At, Granted, nth, path_of
from tests.simulator.faults import Call, Fault, Port, Schedule
from tests.simulator.invariants import Watch
from tests.simulator.platform import SimulatedPlatform
from tests.simulator.repeatable import overlapping
from tests.simulator.sweep import SEED, length, run, singles
from tests.support.simulated_clock import SimulatedClock


@pytest.fixture(autouse=True)
def no_lease(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(lock, "Lease", Granted)
    with overlapping():
        yield


@pytest.fixture
def watch(platform: SimulatedPlatform) -> Watch:
    return Watch(platform)


def ends_well(platform: SimulatedPlatform, watch: Watch, ups: int = 1) -> None:
    stops = [run(platform, watch) for _ in range(ups)]
    assert not stops[-1], stops
    watch.at_end()
    assert watch.broken == []


# ---------------------------------------------------------------- two operators


def test_o1_a_second_up_at_any_call_without_a_lease(repository: Path, tmp_path: Path, whole: bool) -> None:
    """K15 at reads too: the first run sleeps at this call while another does everything."""
    calls = length(Fault.KILL_AFTER, repository)
    points = singles(Fault.KILL_AFTER, calls, 0 if whole else 8, random.Random(SEED))
    for point in points:
        folder = tmp_path / str(point.at)
        folder.mkdir()
        platform = SimulatedPlatform(folder, repository)
        watch = Watch(platform)
        schedule = At(nth(point.at), platform.up)
        run(platform, watch, schedule)
        assert schedule.fired
        ends_well(platform, watch)
    print(f"a second up at {len(points)} of {calls} calls, seed {SEED}")


class Turns:
    """Two runs in two threads of which only one ever moves: after each call a coin says whose turn it is."""

    def __init__(self, seed: str) -> None:
        self._draw = random.Random(seed)
        self._moves = [threading.Semaphore(0), threading.Semaphore(0)]
        self._over = [False, False]

    def port(self, who: int, system: str, target: Any) -> Port:
        return Port(system, target, partial(self._call, who))

    def _call(self, who: int, call: Call) -> Any:
        self._pass_on(who)
        self._moves[who].acquire()
        return call.apply()

    def _pass_on(self, who: int) -> None:
        other = 1 - who
        self._moves[
            other if self._over[who] or (not self._over[other] and self._draw.random() < 0.5) else who
        ].release()

    def run(self, both: list[Callable[[], None]]) -> None:
        threads = [threading.Thread(target=self._one, args=(who, work)) for who, work in enumerate(both)]
        for thread in threads:
            thread.start()
        self._moves[0].release()
        for thread in threads:
            thread.join(timeout=120)
            assert not thread.is_alive(), "the two wait for each other"

    def _one(self, who: int, work: Callable[[], None]) -> None:
        self._moves[who].acquire()
        try:
            work()
        finally:
            self._over[who] = True
            self._moves[1 - who].release()


@pytest.mark.parametrize("seed", range(3))
def test_o1_two_ups_step_by_step_without_a_lease(
    seed: int, platform: SimulatedPlatform, watch: Watch, whole: bool
) -> None:
    stops: list[str] = []
    turns = Turns(f"{SEED} {seed}")

    def one(who: int) -> Callable[[], None]:
        ports = {name: turns.port(who, name, getattr(platform, name)) for name in ("cluster", "vault")}

        def work() -> None:
            try:
                platform.up(**ports)
            except BootstrapError as error:
                stops.append(f"{error.code} {error.message}")

        return work

    turns.run([one(0), one(1)])
    watch.at_stop()
    ends_well(platform, watch, ups=2)


# ---------------------------------------------------------------- a rotator, a GitOps controller


@pytest.mark.parametrize("moment", ["before the read-back", "between COMMIT and retirement"])
def test_h2_what_a_rotator_writes_is_kept_and_wedges_nothing(
    moment: str, platform: SimulatedPlatform, watch: Watch
) -> None:
    secret = watch.intent.handovers[0]
    path = str(secret.path)

    def rotate() -> None:
        store = platform.vault.live()
        store.secrets[path].versions.append({"rotated": Sensitive(b"rotated", "rotated")})
        watch.rotated[path] = 1

    if moment == "before the read-back":
        at = At(lambda c: path_of(c) == f"secret/data/{path}" and c.writes, rotate, after=True)
    else:
        at = At(lambda c: c.name == "apply" and c.args[0]["kind"] == "ClusterSecretStore", rotate)
    assert run(platform, watch, at) == ""
    assert at.fired
    store = platform.vault.live()
    assert "rotated" in store.secrets[path].versions[-1]
    assert len(store.secrets[path].versions) == 2
    assert watch.broken == []


def scaffold_of(watch: Watch) -> Ref:
    declared = watch.intent.scaffolds[0].scaffold
    assert declared is not None
    return Ref("v1", "Secret", declared.name, declared.namespace)


def test_inv2_a_gitops_controller_cannot_bring_a_scaffold_back(
    platform: SimulatedPlatform, watch: Watch
) -> None:
    ref = scaffold_of(watch)
    refused: list[Any] = []

    def again(cluster: Any, verb: str, obj: Any) -> None:
        if verb == "deleted" and obj["kind"] == "Secret" and obj["metadata"]["name"] == ref.name:
            kept = {"name": ref.name, "namespace": ref.namespace}
            refused.append(
                cluster.create({"apiVersion": "v1", "kind": "Secret", "metadata": kept, "data": obj["data"]})
            )

    platform.cluster.controllers.append(again)
    ends_well(platform, watch)
    assert len(refused) == 1
    assert platform.cluster.get(ref) is None


def test_h3_a_scaffold_that_somebody_changed_is_kept_and_named(
    platform: SimulatedPlatform, watch: Watch
) -> None:
    ref = scaffold_of(watch)

    def edit() -> None:
        live = platform.cluster.get(ref)
        assert live is not None
        live["data"] = {key: Sensitive(b"edited", key) for key in live["data"]}
        platform.cluster.replace(live)

    at = At(lambda c: c.name == "apply" and c.args[0]["kind"] == "ClusterSecretStore", edit)
    with pytest.raises(EvidenceError) as stopped:
        platform.up(**at.ports(platform))
    assert stopped.value.code == "E_SOURCE_DRIFT"
    assert platform.cluster.get(ref) is not None


# ---------------------------------------------------------------- nodes, servers, disk, clock


def test_g7_nodes_that_restart_all_the_time(platform: SimulatedPlatform, watch: Watch) -> None:
    """Each hundredth call finds another Vault pod just restarted."""
    numbers = iter(range(10_000))

    class Restarts(At):
        def __call__(self, call: Call) -> Any:
            if (n := next(numbers)) % 100 == 99:
                platform.vault.restart(f"vault-{n // 100 % 3}")
            return call.apply()

    run(platform, watch, Restarts(lambda _: False, lambda: None))
    ends_well(platform, watch)


def remove(platform: SimulatedPlatform, kind: str, name: str) -> None:
    live = platform.cluster.get(Ref("v1", kind, name, "vault"))
    assert live is not None
    platform.cluster.delete(Ref("v1", kind, name, "vault"), uid=live["metadata"]["uid"])


@pytest.mark.parametrize("pod", ["vault-0", "vault-2"])
def test_b4_a_volume_replaced_after_verified_joins_and_is_never_initialised(
    pod: str, platform: SimulatedPlatform, watch: Watch
) -> None:
    platform.up()
    store = platform.vault.live()
    remove(platform, "PersistentVolumeClaim", f"data-{pod}")
    remove(platform, "Pod", pod)
    watch.broken.clear()  # it was this test that removed a volume
    platform.vault.mutations.clear()
    ends_well(platform, watch)
    assert platform.vault.live() is store
    assert ("POST", "sys/init") not in platform.vault.mutations


def test_b4_all_volumes_replaced_is_a_lost_store_and_never_made_anew(
    platform: SimulatedPlatform, watch: Watch
) -> None:
    platform.up()
    for pod in ("vault-0", "vault-1", "vault-2"):
        remove(platform, "PersistentVolumeClaim", f"data-{pod}")
    for pod in ("vault-0", "vault-1", "vault-2"):
        remove(platform, "Pod", pod)
    platform.cluster.mutations.clear()
    platform.vault.mutations.clear()
    with pytest.raises(DecisionNeeded) as stopped:
        platform.up()
    assert stopped.value.code == "E_AUTHORITY_LOST"
    assert (platform.cluster.mutations, platform.vault.mutations) == ([], [])
    # And where they are lost while a run is under way, its next look at them says so.
    world = platform.world()
    step = next(s for s in world.plan.steps if s.kind == "vault-members")
    kind = kind_class(step.kind)(step, world)
    decision = kind.decide(kind.observe())
    assert isinstance(decision, Blocked)
    assert decision.error.code == "E_STORE_LOST"


@pytest.mark.parametrize("begins", [20, 150, 400])
def test_s4_an_api_server_away_for_a_minute_costs_no_second_up(
    begins: int, platform: SimulatedPlatform, watch: Watch
) -> None:
    clock = SimulatedClock()

    class Away(Schedule):
        until = 0.0

        def __call__(self, call: Call) -> Any:
            self.count += 1
            if self.count == begins:
                self.until = clock.seconds + 60
            if call.system == "cluster" and clock.seconds < self.until:
                return self.lost_request(call)
            return call.apply()

    ports = Away(Fault.LOST_REQUEST, 0).ports(platform)
    try:
        platform.up(**ports, clock=clock)
    except BootstrapError as error:
        assert error.code  # a write that met the outage may end the run; never half-way
    watch.at_stop()
    ends_well(platform, watch)


def test_b4_a_full_disk_stops_before_the_key_is_called_proven(
    platform: SimulatedPlatform, watch: Watch
) -> None:
    with pytest.raises(PreconditionError) as stopped:
        platform.up(**Schedule(Fault.NO_SPACE, 1, lasting=True).ports(platform))
    assert stopped.value.code == "E_RECORDS"
    window = platform.cluster.get(Ref("v1", "ConfigMap", "vault-init", "bootstrap-system"))
    assert window is not None
    assert window["data"]["phase"] == "KEYS"
    ends_well(platform, watch)


def test_g5_a_clock_off_by_ten_minutes_is_a_precondition(platform: SimulatedPlatform) -> None:
    clock = SimulatedClock()
    clock.seconds = 600
    with pytest.raises(PreconditionError) as stopped:
        platform.up(clock=clock)
    assert stopped.value.code == "E_CLOCK"
    assert platform.cluster.mutations == []


def test_b4_three_voided_attempts_are_a_human_s_turn(platform: SimulatedPlatform, watch: Watch) -> None:
    class NeverAnswers(Schedule):
        def __call__(self, call: Call) -> Any:
            return self.lost_answer(call) if call.name == "initialise" else call.apply()

    with pytest.raises(DecisionNeeded) as stopped:
        platform.up(**NeverAnswers(Fault.LOST_ANSWER, 0).ports(platform))
    assert stopped.value.code == "E_INIT_ATTEMPTS"
    watch.at_stop()
    assert watch.broken == []
