"""The initial root token: it ends only once another way in is proven, and it does end (B5, B6)."""

from typing import Any

import pytest

from bootstrap.model.decision import Act, Decision, Satisfied
from bootstrap.model.errors import EvidenceError, Transient, WorldError
from bootstrap.model.init_window import Window, WindowPhase
from bootstrap.ports import Answer
from bootstrap.steps.vault.init_window import Slots, WindowStore
from bootstrap.steps.vault.root_session import RootSession
from tests.simulator.halfway import halfway, step_of
from tests.simulator.platform import SimulatedPlatform
from tests.simulator.vault import Token


def roots(platform: SimulatedPlatform) -> int:
    return sum("root" in token.policies for token in platform.vault.live().tokens.values())


def slot(platform: SimulatedPlatform) -> Any:
    window = WindowStore(platform.cluster).read()
    assert window is not None
    return Slots(platform.cluster, window.volume).read(Slots.ROOT)


class Answering:
    """A Vault that answers one path otherwise."""

    def __init__(self, vault: Any, path: str, answer: Any) -> None:
        self._vault, self._path, self._answer = vault, path, answer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._vault, name)

    def call(self, method: str, path: str, *args: Any, **kwargs: Any) -> Any:
        if path != self._path:
            return self._vault.call(method, path, *args, **kwargs)
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer


def test_b5_revoked_and_its_ciphertext_gone(platform: SimulatedPlatform) -> None:
    step = halfway(platform, "root-revoked")
    assert (roots(platform), slot(platform) is None) == (1, False)
    step.take()
    assert (roots(platform), slot(platform)) == (0, None)
    assert isinstance(step_of(platform, "root-revoked").decide(), Satisfied)


def test_b5_while_the_run_s_own_identity_cannot_do_its_work_root_stays(platform: SimulatedPlatform) -> None:
    halfway(platform, "root-revoked")
    little = Answer(status=200, data={"sys/mounts/secret": ["read"], "secret/data/proof": ["create"]})
    vault = Answering(platform.vault, "sys/capabilities-self", little)
    with pytest.raises(EvidenceError) as caught:
        step_of(platform, "root-revoked", vault=vault).take()
    assert caught.value.code == "E_RUN_IDENTITY"
    assert "auth/token/accessors" in caught.value.message
    assert (roots(platform), slot(platform) is None) == (1, False)


def test_b5_the_login_is_a_fresh_one(platform: SimulatedPlatform) -> None:
    """A token that the run has had for a while proves nothing about the next login."""
    halfway(platform, "root-revoked")
    step = step_of(platform, "root-revoked")
    before = step.world.session.token()
    step.take()
    assert step.world.session.token() is not before


def test_b5_a_root_token_that_survives_its_revocation_is_named_and_its_ciphertext_kept(
    platform: SimulatedPlatform,
) -> None:
    halfway(platform, "root-revoked")
    done = Answer(status=204, data={})
    vault = Answering(platform.vault, "auth/token/revoke-self", done)
    with pytest.raises(EvidenceError) as caught:
        step_of(platform, "root-revoked", vault=vault).take()
    assert caught.value.code == "E_ROOT_ALIVE"
    assert slot(platform) is not None


def test_b5_revoked_before_and_its_ciphertext_left_the_rest_is_done(platform: SimulatedPlatform) -> None:
    """A run that ended between the two."""
    halfway(platform, "root-revoked")
    tokens = platform.vault.live().tokens
    for name in [name for name, token in tokens.items() if "root" in token.policies]:
        del tokens[name]
    step_of(platform, "root-revoked").take()
    assert slot(platform) is None


def test_b5_before_the_key_is_proven_it_is_not_called_revoked(platform: SimulatedPlatform) -> None:
    halfway(platform, "root-revoked")
    store = WindowStore(platform.cluster)
    window = store.read()
    assert window is not None
    Slots(platform.cluster, window.volume).remove(Slots.ROOT)
    assert store.swap(window, Window(**{**_fields(window), "phase": WindowPhase.KEYS}))
    assert isinstance(step_of(platform, "root-revoked").decide(), Act)


def test_b5_before_vault_is_initialised_it_is_not_called_revoked(platform: SimulatedPlatform) -> None:
    assert isinstance(step_of(platform, "root-revoked").decide(), Act)


def _fields(window: Window) -> dict[str, Any]:
    return {name: getattr(window, name) for name in Window.__slots__}


def test_b5_whether_root_works_is_asked_of_vault_and_an_error_is_no_answer(
    platform: SimulatedPlatform,
) -> None:
    halfway(platform, "root-revoked")
    world = platform.world()
    assert RootSession(world).usable()
    denied = WorldError("403", code="E_VAULT_DENIED")
    away = Transient("away", code="E_VAULT_AWAY")
    path = "auth/token/lookup-self"
    assert not RootSession(platform.world(vault=Answering(platform.vault, path, denied))).usable()
    with pytest.raises(Transient):
        RootSession(platform.world(vault=Answering(platform.vault, path, away))).usable()


def test_b5_a_root_token_that_is_gone_is_an_error_with_a_way_on(platform: SimulatedPlatform) -> None:
    platform.up()
    root = RootSession(platform.world())
    assert (root.present(), root.usable()) == (False, False)
    with pytest.raises(WorldError) as caught:
        root.token()
    assert (caught.value.code, "generate-root" in caught.value.hint) == ("E_ROOT_TOKEN", True)


def test_b5_any_other_token_with_the_policy_root_is_revoked_too(platform: SimulatedPlatform) -> None:
    platform.up()
    tokens = platform.vault.live().tokens
    tokens["of a restored snapshot"] = Token("restored", ("root",))
    tokens["a reader"] = Token("reader", ("reader-orders",))
    decision = step_of(platform, "token-census").decide()
    assert isinstance(decision, Act)
    assert decision.changes == ("revoke accessor restored",)
    platform.up()
    assert (roots(platform), "a reader" in tokens) == (0, True)


# ---------------------------------------------------------------- auditing


def test_b6_the_device_and_the_header_are_each_put_there(platform: SimulatedPlatform) -> None:
    halfway(platform, "vault-audit")
    step_of(platform, "vault-audit").take()
    store = platform.vault.live()
    assert "file/" in store.audit
    assert is_on(step_of(platform, "vault-audit").decide())
    header = next(name for name in store.headers if "bootstrap" in name)
    del store.headers[header]
    decision = step_of(platform, "vault-audit").decide()
    assert isinstance(decision, Act)
    assert [c.split(" ")[:2] for c in decision.changes] == [["audit", "the"]]
    step_of(platform, "vault-audit").take()
    assert header in store.headers


def is_on(decision: Decision) -> bool:
    return isinstance(decision, Satisfied) and decision.note.startswith("audit devices file/ at ")


def test_b6_without_root_what_auditing_lacks_is_told_and_left_to_the_configuration(
    platform: SimulatedPlatform,
) -> None:
    platform.up()
    assert is_on(step_of(platform, "vault-audit").decide())
    headers = platform.vault.live().headers
    del headers[next(name for name in headers if "bootstrap" in name)]
    decision = step_of(platform, "vault-audit").decide()
    assert isinstance(decision, Satisfied)
    assert "left to vault-configuration: audit the" in decision.note


# ---------------------------------------------------------------- the run's own identity


WORKS = "a fresh login as bootstrap-run works"


def test_s2_another_policy_under_the_run_s_name_is_put_right_while_root_is_there(
    platform: SimulatedPlatform,
) -> None:
    halfway(platform, "run-identity")
    step_of(platform, "run-identity").take()
    path = "sys/policies/acl/bootstrap-run"
    plain = platform.vault.live().plain
    own = plain[path]["policy"]
    plain[path]["policy"] = own + '\npath "theirs/*" { capabilities = ["read"] }\n'
    step = step_of(platform, "run-identity")
    assert isinstance(step.decide(), Act)
    before = step.world.session.token()
    step.take()
    assert plain[path]["policy"] == own
    assert step.world.session.token() is not before, "a login of before proves nothing"
    assert step.decide() == Satisfied(WORKS)


def test_s2_without_root_another_policy_is_told_and_left_to_the_configuration(
    platform: SimulatedPlatform,
) -> None:
    platform.up()
    assert step_of(platform, "run-identity").decide() == Satisfied(WORKS)
    platform.vault.live().plain["sys/policies/acl/bootstrap-run"]["policy"] += "\n"
    assert step_of(platform, "run-identity").decide() == Satisfied(
        f"{WORKS}; its policy is another one: left to vault-configuration"
    )


def test_b5_an_identity_that_cannot_log_in_is_not_called_made(platform: SimulatedPlatform) -> None:
    halfway(platform, "run-identity")
    no = Answer(status=400, data={}, errors=("invalid role name",))
    step = step_of(platform, "run-identity", vault=Answering(platform.vault, "auth/kubernetes/login", no))
    with pytest.raises(WorldError) as caught:
        step.take()
    assert caught.value.code == "E_VAULT_LOGIN"


def test_s2_an_outage_is_not_taken_for_a_missing_identity(platform: SimulatedPlatform) -> None:
    platform.up()
    away = Transient("away", code="E_VAULT_AWAY")
    vault = Answering(platform.vault, "sys/policies/acl/bootstrap-run", away)
    with pytest.raises(Transient):
        step_of(platform, "run-identity", vault=vault).decide()
