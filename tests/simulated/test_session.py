"""The run's token is its fence: who is revoked, when, and whose tokens are left alone (B5, S2)."""

import threading
from dataclasses import replace
from typing import Any

import pytest

from bootstrap.model.errors import HeldError, Transient, WorldError
from bootstrap.ports import Answer
from bootstrap.steps.context.flight import FIRST
from bootstrap.steps.context.names import RUN_POLICY
from bootstrap.steps.context.session import FRESH_SECONDS, Session
from tests.simulator.concurrent import At, path_of
from tests.simulator.platform import SimulatedPlatform, scaffolded
from tests.simulator.vault import Token
from tests.support.simulated_clock import SimulatedClock

NOTE = "secret/metadata/note"


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> SimulatedPlatform:
    """Shared: each test makes and gives back tokens of its own."""
    platform = SimulatedPlatform(tmp_path_factory.mktemp("p"), scaffolded(tmp_path_factory.mktemp("intent")))
    platform.up()
    return platform


@pytest.fixture
def platform(finished: SimulatedPlatform) -> SimulatedPlatform:
    finished.vault.live().tokens.clear()
    return finished


def session(platform: SimulatedPlatform, vault: Any = None, clock: Any = None) -> Session:
    spec = platform.world().intent.platform.vault
    return Session(platform.cluster, vault or platform.vault, spec, clock or SimulatedClock())


def alive(platform: SimulatedPlatform) -> set[str]:
    return {token.accessor for token in platform.vault.live().tokens.values()}


def test_b5_the_first_write_revokes_the_tokens_of_earlier_runs_and_no_others(
    platform: SimulatedPlatform,
) -> None:
    tokens = platform.vault.live().tokens
    tokens["an-earlier-run"] = Token("earlier", (RUN_POLICY,))
    tokens["a-reader"] = Token("reader", ("default",), identity=("reader-orders",))
    ours = session(platform)
    ours.read(NOTE)
    assert {"earlier", "reader"} < alive(platform), "a read puts up no fence"
    ours.call("POST", NOTE, {"max_versions": 2})
    assert "earlier" not in alive(platform)
    assert "reader" in alive(platform)
    assert len(alive(platform)) == 2, "its own token is there still"


def test_b5_the_fence_is_up_before_the_write_is_sent(platform: SimulatedPlatform) -> None:
    platform.vault.live().tokens["an-earlier-run"] = Token("earlier", (RUN_POLICY,))
    seen: list[bool] = []
    at = At(lambda c: path_of(c) == NOTE and c.writes, lambda: seen.append("earlier" in alive(platform)))
    session(platform, vault=at.ports(platform)["vault"]).call("POST", NOTE, {"max_versions": 2})
    assert seen == [False]


def test_b5_a_run_that_was_overtaken_revokes_no_token(platform: SimulatedPlatform) -> None:
    platform.vault.live().tokens["its-successor"] = Token("successor", (RUN_POLICY,))
    ours = session(platform)

    def overtaken() -> None:
        raise HeldError("another run holds the cluster", code="E_HELD")

    ours.guard = overtaken
    platform.vault.mutations.clear()
    with pytest.raises(HeldError):
        ours.call("POST", NOTE, {"max_versions": 2})
    assert "successor" in alive(platform)
    assert platform.vault.mutations == []


def test_b5_an_old_token_is_replaced_and_revoked_unless_the_run_was_overtaken(
    platform: SimulatedPlatform,
) -> None:
    clock = SimulatedClock()
    ours = session(platform, clock=clock)
    first = ours.token()
    (before,) = alive(platform)
    clock.seconds += FRESH_SECONDS
    assert ours.token() is first, "it is fresh for as long as that"
    clock.seconds += 1
    assert ours.token() is not first
    assert before not in alive(platform)
    assert len(alive(platform)) == 1

    def overtaken() -> None:
        raise HeldError("another run holds the cluster", code="E_HELD")

    ours.guard = overtaken
    clock.seconds += FRESH_SECONDS + 1
    kept = alive(platform)
    with pytest.raises(HeldError):
        ours.token()
    assert alive(platform) == kept, "no further login behind the fence"


def test_b5_the_token_is_given_back_once(platform: SimulatedPlatform) -> None:
    ours = session(platform)
    ours.token()
    ours.close()
    assert alive(platform) == set()
    ours.close()
    assert ours.others() == ()
    assert len(alive(platform)) == 1, "asked again, it logs in anew"


class Refusing:
    """A Vault that answers one path otherwise."""

    def __init__(self, vault: Any, path: str, answer: Any) -> None:
        self._vault, self._path, self._answer = vault, path, answer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._vault, name)

    def call(self, method: str, path: str, *args: Any, **kwargs: Any) -> Any:
        if path == self._path:
            if isinstance(self._answer, Exception):
                raise self._answer
            return self._answer
        return self._vault.call(method, path, *args, **kwargs)


def test_b5_a_login_that_is_refused_is_an_error_of_its_own(platform: SimulatedPlatform) -> None:
    no = Answer(status=400, data={}, errors=("invalid role name",))
    with pytest.raises(WorldError, match="invalid role name") as caught:
        session(platform, Refusing(platform.vault, "auth/kubernetes/login", no)).token()
    assert caught.value.code == "E_VAULT_LOGIN"


def test_an_accessor_that_is_gone_meanwhile_is_none_of_a_token(platform: SimulatedPlatform) -> None:
    no = Answer(status=400, data={}, errors=("invalid accessor",))
    assert session(platform, Refusing(platform.vault, "auth/token/lookup-accessor", no)).accessors() == {}


class Ending(Refusing):
    """A Vault that ends one token: its accessor is denied, and listed for so many looks."""

    def __init__(self, vault: Any, accessor: str, looks: int, code: str = "E_VAULT_DENIED") -> None:
        denied = WorldError("permission denied", code=code)
        super().__init__(vault, "auth/token/lookup-accessor", denied)
        self._accessor, self._looks = accessor, looks

    def call(self, method: str, path: str, body: Any = None, **kwargs: Any) -> Any:
        if path == self._path and body["accessor"] == self._accessor:
            raise self._answer
        answer = self._vault.call(method, path, body, **kwargs)
        if path == "auth/token/accessors":
            self._looks -= 1
            keys = [each for each in answer.data["keys"] if each != self._accessor or self._looks >= 0]
            return replace(answer, data={"keys": keys})
        return answer


def test_a_token_that_vault_ends_meanwhile_is_none(platform: SimulatedPlatform) -> None:
    platform.vault.live().tokens["a-renewer"] = Token("renewer", ("default",))
    found = session(platform, Ending(platform.vault, "renewer", looks=4)).accessors()
    assert "renewer" not in found and len(found) == 1


def test_b5_an_outage_does_not_make_a_token_one_that_is_gone(platform: SimulatedPlatform) -> None:
    """Or it would not be revoked."""
    platform.vault.live().tokens["an-earlier-run"] = Token("earlier", (RUN_POLICY,))
    clock = SimulatedClock()
    with pytest.raises(WorldError) as caught:
        session(platform, Ending(platform.vault, "earlier", 1, "E_VAULT_UNREACHABLE"), clock).fence()
    assert (caught.value.code, clock.slept) == ("E_VAULT_UNREACHABLE", [])


def test_one_that_stays_listed_and_denied_is_an_error(platform: SimulatedPlatform) -> None:
    platform.vault.live().tokens["a-renewer"] = Token("renewer", ("default",))
    with pytest.raises(WorldError, match="permission denied") as caught:
        session(platform, Ending(platform.vault, "renewer", looks=1000)).accessors()
    assert caught.value.code == "E_VAULT_DENIED"


def test_g7_while_no_node_is_active_none_is_asked(platform: SimulatedPlatform) -> None:
    class Leaderless(Refusing):
        def active(self, pods: Any) -> None:
            return None

    with pytest.raises(Transient) as caught:
        session(platform, Leaderless(platform.vault, "", None)).token()
    assert caught.value.code == "E_NO_LEADER"


def test_g7_where_the_leader_moved_the_new_one_is_asked(platform: SimulatedPlatform) -> None:
    asked: list[str] = []

    class Moving(Refusing):
        def active(self, pods: Any) -> str:
            return "vault-1" if asked else "vault-0"

        def call(self, method: str, path: str, *args: Any, **kwargs: Any) -> Any:
            if path != NOTE:
                return self._vault.call(method, path, *args, **{**kwargs, "pod": "vault-0"})
            asked.append(kwargs["pod"])
            if kwargs["pod"] == "vault-0":
                raise Transient("a standby now", code="E_VAULT_STANDBY")
            return Answer(status=200, data={"from": kwargs["pod"]})

    assert session(platform, Moving(platform.vault, "", None)).read(NOTE).data == {"from": "vault-1"}
    assert asked == ["vault-0", "vault-1"]


class Throttled(Refusing):
    """Answers "not now" so many times, then as always."""

    def __init__(self, vault: Any, times: int) -> None:
        super().__init__(vault, NOTE, None)
        self.left = times

    def call(self, method: str, path: str, *args: Any, **kwargs: Any) -> Any:
        if path == NOTE and self.left:
            self.left -= 1
            raise Transient("429", code="E_VAULT_BUSY")
        return self._vault.call(method, path, *args, **kwargs)


def test_a_busy_vault_gets_fewer_requests_at_once_and_is_asked_again_after_a_pause(
    platform: SimulatedPlatform,
) -> None:
    clock = SimulatedClock()
    ours = session(platform, Throttled(platform.vault, 2), clock)
    assert ours.call("POST", NOTE, {"max_versions": 2}).ok
    assert ours.flight.limit == FIRST // 4
    assert clock.slept == [0.5, 1.0]


def test_a_vault_that_stays_busy_is_an_error_after_a_minute(platform: SimulatedPlatform) -> None:
    clock = SimulatedClock()
    with pytest.raises(Transient) as caught:
        session(platform, Throttled(platform.vault, 1000), clock).call("POST", NOTE, {"max_versions": 2})
    assert caught.value.code == "E_VAULT_BUSY"
    assert 60 <= sum(clock.slept) < 70


def test_b5_an_old_token_is_replaced_only_when_no_request_is_under_way_under_it(
    platform: SimulatedPlatform,
) -> None:
    """What is under way under a token that is revoked would be refused."""
    clock, under_way, go_on = SimulatedClock(), threading.Event(), threading.Event()

    class Slow(Refusing):
        def call(self, method: str, path: str, *args: Any, **kwargs: Any) -> Any:
            if path == NOTE and method == "POST":
                under_way.set()
                assert go_on.wait(30)
            return self._vault.call(method, path, *args, **kwargs)

    ours = session(platform, Slow(platform.vault, "", None), clock)
    first = ours.token()
    answers: list[Any] = []
    slow = threading.Thread(target=lambda: answers.append(ours.call("POST", NOTE, {"max_versions": 2})))
    slow.start()
    assert under_way.wait(30)
    clock.seconds += FRESH_SECONDS + 1
    fresh: list[Any] = []
    other = threading.Thread(target=lambda: fresh.append(ours.token()))
    other.start()
    other.join(0.2)
    assert not fresh, "it waits"
    go_on.set()
    for thread in (slow, other):
        thread.join(30)
    assert answers[0].ok
    assert fresh[0] is not first


def test_b5_many_first_writes_put_up_one_fence(platform: SimulatedPlatform) -> None:
    looked: list[str] = []

    class Watched(Refusing):
        def call(self, method: str, path: str, *args: Any, **kwargs: Any) -> Any:
            looked.append(f"{method} {path}")
            return self._vault.call(method, path, *args, **kwargs)

    ours = session(platform, Watched(platform.vault, "", None))
    ours.flight.each(lambda n: ours.call("POST", f"{NOTE}-{n}", {"max_versions": 2}), range(20))
    assert looked.count("LIST auth/token/accessors") == 1
    assert looked.count("POST auth/kubernetes/login") == 1
