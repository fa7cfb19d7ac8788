"""What Kubernetes refuses of a Secret by its type and its keys is refused by ``check`` already (G5)."""

import pytest

from bootstrap.cli.commands.check import run_check
from bootstrap.intent.findings import errors
from bootstrap.intent.load import examine
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Opened
from tests.support.intent_fake import AGE, INTERNAL, SCAFFOLD, SECRET, changed

W, I, S = "secrets/web.yaml", "secrets/internal.yaml", "secrets/scaffold.yaml"  # noqa: E741
TLS, DOCKER, SSH = "kubernetes.io/tls", "kubernetes.io/dockerconfigjson", "kubernetes.io/ssh-auth"
BASIC, OLD_DOCKER = "kubernetes.io/basic-auth", "kubernetes.io/dockercfg"


class Files:
    def __init__(self, opened: Opened) -> None:
        self.opened = opened

    def open(self, path: str) -> Opened:
        return Sensitive(b"material", "m") if "root-material" in path else self.opened


def web(kind: str, keys: str = "", source: str = "") -> dict[str, str | bytes | None]:
    """The one entry with a type, and with ``keys`` or another source where they are given."""
    more = f"type: {kind}, " + (f"keys: {keys}, " if keys else "")
    text = SECRET.replace("workload:", f"{more}workload:")
    return {W: text.replace("{file: encrypted/web.sops.yaml, key: session}", source) if source else text}


def said(changes: dict[str, str | bytes | None], opened: Opened | None = None) -> list[tuple[str, str]]:
    files = None if opened is None else Files(opened)
    found = errors(run_check(changed(changes), files)[1])
    return [(f.id, f.where) for f in found]


def tree(*names: str) -> Opened:
    return {"session": {name: Sensitive(b"value", name) for name in names}}


WRONG, WRONG_SCAFFOLD = [("E_TYPE_FIELDS", f"{W}:1")], [("E_TYPE_FIELDS", f"{S}:1")]


@pytest.mark.parametrize(
    ("kind", "keys", "wrong"),
    [
        (TLS, "{tls.crt: a, tls.key: b}", False),
        (TLS, "{tls.crt: a, tls.key: b, ca.crt: c}", False),
        (TLS, "{tls.crt: a}", True),
        (TLS, "{crt: tls.crt, key: tls.key}", True),  # the names that the Secret has count, not Vault's
        (DOCKER, "{.dockerconfigjson: a}", False),
        (DOCKER, "{.dockercfg: a}", True),
        (OLD_DOCKER, "{.dockercfg: a}", False),
        (OLD_DOCKER, "{dockercfg: a}", True),
        (BASIC, "{username: a}", False),
        (BASIC, "{password: a}", False),
        (BASIC, "{user: a}", True),
        (SSH, "{ssh-privatekey: a}", False),
        (SSH, "{ssh-publickey: a}", True),
        ("Opaque", "{a: a}", False),
        ("example.com/tls", "{a: a}", False),
        ("bootstrap.kubernetes.io/token", "{a: a}", False),  # its API server looks at no field of it
        ("kubernetes.io/service-account-token", "{token: a}", True),
    ],
)
def test_keys_say_which_fields_there_will_be(kind: str, keys: str, wrong: bool) -> None:
    assert said(web(kind, keys)) == (WRONG if wrong else [])


def test_what_is_found_and_wanted_is_named_with_a_way_out() -> None:
    (found,) = errors(examine(changed(web(TLS, "{tls.crt: a}")))[1])
    assert (found.expected, found.found) == ("tls.crt and tls.key", "tls.crt")
    assert "Secret web/web-session" in found.message
    assert "tls.key: FIELD" in found.hint


@pytest.mark.parametrize(
    ("field", "kind", "wrong"),
    [
        (".dockerconfigjson", DOCKER, False),
        ("value", DOCKER, True),
        ("value", "Opaque", False),
        ("password", BASIC, False),
    ],
)
def test_a_raw_file_is_one_field(field: str, kind: str, wrong: bool) -> None:
    raw = {"encrypted/web.age": AGE, "encrypted/web.sops.yaml": None}
    changes = {**web(kind, source=f"{{file: encrypted/web.age, field: {field}}}"), **raw}
    assert said(changes) == (WRONG if wrong else [])
    assert said(changes, Sensitive(b"{}", "x")) == (WRONG if wrong else [])  # once, with the root too


@pytest.mark.parametrize(("names", "wrong"), [(("tls.crt", "tls.key", "x"), False), (("tls.crt",), True)])
def test_a_mapping_is_judged_when_it_is_open(names: tuple[str, ...], wrong: bool) -> None:
    assert said(web(TLS)) == []  # nobody knows yet
    assert said(web(TLS), tree(*names)) == (WRONG if wrong else [])


@pytest.mark.parametrize(
    ("value", "wrong"),
    [
        (b'{"auths": {}}', False),
        (b"{}\n", False),
        (b"null", False),
        (b"[]", True),
        (b"{", True),
        (b"e30=", True),
    ],
)
@pytest.mark.parametrize("keys", ["", "{.dockerconfigjson: config}"])
def test_a_docker_configuration_is_json(value: bytes, wrong: bool, keys: str) -> None:
    opened: dict[str, Opened] = {
        "session": {"config" if keys else ".dockerconfigjson": Sensitive(value, "v")}
    }
    assert said(web(DOCKER, keys), opened) == (WRONG if wrong else [])


def test_a_secret_that_infrastructure_makes_is_not_judged_by_what_nobody_knows() -> None:
    derived = web(TLS)[W]
    assert isinstance(derived, str)
    text = derived.replace("class: runtime", "class: derived")
    source = "  source: {file: encrypted/web.sops.yaml, key: session}\n"
    text = text.replace(source, "").replace("  handover: {renew: generate}\n", "")
    assert said({W: text, "encrypted/web.sops.yaml": None}) == []


def test_an_internal_secret_has_the_properties_that_it_publishes() -> None:
    def typed(kind: str, keys: str) -> dict[str, str | bytes | None]:
        return {I: INTERNAL.replace("keys: {U: username}", f"type: {kind}{keys}")}

    assert said(typed(BASIC, "")) == []
    assert said(typed(TLS, "")) == [("E_TYPE_FIELDS", f"{I}:1")]
    assert said(typed(TLS, ", keys: {tls.crt: username, tls.key: password}")) == []


def test_a_scaffold_is_judged_as_well() -> None:
    typed = SCAFFOLD.replace("vault, name: pull", f"vault, name: pull, type: {DOCKER}")
    source = "source: {file: encrypted/web.sops.yaml, key: session}"
    assert said({S: typed}) == []  # nobody knows yet
    assert said({S: typed}, tree("auth")) == WRONG_SCAFFOLD
    assert said({S: typed}, {"session": {".dockerconfigjson": Sensitive(b"{}", "v")}}) == []
    assert said({S: typed}, tree(".dockerconfigjson")) == WRONG_SCAFFOLD  # it holds no JSON
    raw = {"encrypted/pull.age": AGE}
    one = typed.replace(source, "source: {file: encrypted/pull.age, field: FIELD}")
    assert said({S: one.replace("FIELD", "value"), **raw}) == WRONG_SCAFFOLD
    assert said({S: one.replace("FIELD", ".dockerconfigjson"), **raw}) == []


@pytest.mark.parametrize("name", [".", "..", "..a", "...", "a b", "a/b", "ä", "", "a" * 254])
def test_a_key_that_kubernetes_refuses_is_refused_in_both_places(name: str) -> None:
    keys = f'{{"{name}": value}}'
    assert [code for code, _ in said(web("Opaque", keys))] == ["E_NAME"]
    if name:
        assert said({}, tree("good", name)) == [("E_NAME", f"{W}:1")]


@pytest.mark.parametrize("name", [".a", "a..", "-", "_", "tls.crt", "A-b_c.d", "a" * 253, "." + "a" * 252])
def test_a_key_that_kubernetes_takes_is_taken_in_both_places(name: str) -> None:
    assert said(web("Opaque", f'{{"{name}": "{name}"}}'), tree(name)) == []


def test_a_name_that_is_refused_says_what_is_taken() -> None:
    for changes in (web("Opaque", '{"..": value}'), web("a b", "")):
        (found,) = errors(examine(changed(changes))[1])
        assert (found.id, bool(found.hint)) == ("E_NAME", True)
