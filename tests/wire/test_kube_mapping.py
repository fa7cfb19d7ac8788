"""The API server's answers in our words, over a real TLS connection where the wire matters."""

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import yaml
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bootstrap.adapters.kubernetes.api import KubeApi
from bootstrap.adapters.kubernetes.cluster import KubeCluster
from bootstrap.adapters.kubernetes.diff import apply_would_change, quantity
from bootstrap.adapters.kubernetes.errors import failure, refusal, write_error
from bootstrap.adapters.kubernetes.kubeconfig import load_kubeconfig
from bootstrap.adapters.kubernetes.secret_data import decoded, encoded
from bootstrap.adapters.local.redaction import WITHHELD, repeats
from bootstrap.model.errors import BootstrapError, PreconditionError, Transient, UnknownOutcome, WorldError
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Object, Permission, Reason, Ref, Refused
from tests.support.simulated_clock import SimulatedClock
from tests.support.tls_server import Cut, Observation, authority, serving

CANARY = b"canary-\x00\xff-41c0"


def status(reason: str, message: str = "", *causes: str) -> str:
    details = {"causes": [{"reason": cause} for cause in causes]}
    return json.dumps({"kind": "Status", "reason": reason, "message": message, "details": details})


@pytest.mark.parametrize(
    ("code", "body", "reason"),
    [
        (409, status("AlreadyExists", 'configmaps "x" already exists'), Reason.EXISTS),
        (409, status("AlreadyExists", "object is being deleted: x"), Reason.TERMINATING),
        (409, status("Conflict", "the object has been modified"), Reason.CONFLICT),
        (409, status("Conflict", "Precondition failed: UID in precondition"), Reason.CONFLICT),
        (409, status("Conflict", "Apply failed", "FieldManagerConflict"), Reason.FIELD_CONFLICT),
        (404, status("NotFound"), Reason.NOT_FOUND),
        (403, status("Forbidden", "no"), Reason.FORBIDDEN),
        (403, status("Forbidden", "x", "NamespaceTerminating"), Reason.TERMINATING),
        (422, status("Invalid"), Reason.INVALID),
        (400, status("BadRequest"), Reason.INVALID),
        (
            500,
            status("", "failed to create typed patch object: .x: field not declared in schema"),
            Reason.INVALID,
        ),
    ],
)
def test_what_was_certainly_not_applied(code: int, body: str, reason: Reason) -> None:
    found = refusal(failure(code, body))
    assert isinstance(found, Refused)
    assert found.reason is reason


@pytest.mark.parametrize("code", [401, 429, 500, 502, 503, 504])
def test_what_is_no_refusal(code: int) -> None:
    assert refusal(failure(code, status("InternalError"))) is None


@pytest.mark.parametrize("body", ["", "<html>", "[]", "null", "3"])
def test_a_body_that_is_no_status_has_no_words(body: str) -> None:
    assert failure(409, body).message == ""


# ---------------------------------------------------------------- Secrets


def secret(**data: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "n"}, "data": data}


def test_secret_leaves_are_wrapped_inside_and_base64_outside() -> None:
    wire = secret(a=base64.b64encode(CANARY).decode())
    inner = decoded(wire)
    assert inner["data"]["a"] == Sensitive(CANARY)
    assert encoded(inner) == wire
    assert "canary" not in repr(inner)


def test_string_data_and_kubectls_copy_are_values_too() -> None:
    obj = {**secret(), "stringData": {"a": "text"}}
    obj["metadata"]["annotations"] = {"kubectl.kubernetes.io/last-applied-configuration": "canary", "x": "y"}
    inner = decoded(obj)
    assert inner["data"]["a"] == Sensitive(b"text")
    assert "canary" not in repr(inner)
    assert encoded(inner)["metadata"]["annotations"] == obj["metadata"]["annotations"]


def test_other_kinds_are_left_alone() -> None:
    obj = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "data": {"a": "b"}}
    assert decoded(obj) is obj
    assert encoded(obj) is obj


LONG = Sensitive(b"canary-" + bytes(range(33, 127)) * 40)
ENCODINGS: tuple[Callable[[bytes], str], ...] = (
    lambda v: v.decode("utf-8", "replace"),
    lambda v: json.dumps(v.decode("utf-8", "replace")),
    lambda v: base64.b64encode(v).decode(),
    lambda v: base64.b64encode(v[1:]).decode(),
    lambda v: base64.urlsafe_b64encode(v[2:]).decode(),
    lambda v: quote(v),
    lambda v: v.hex(),
)


def told(message: str, sent: Any, *causes: dict[str, str], reason: str = "Invalid") -> str:
    document = {"kind": "Status", "reason": reason, "message": message, "details": {"causes": [*causes]}}
    found = failure(422, json.dumps(document), "", sent)
    assert message not in repr(found).replace(found.words, "")
    assert write_error(found, "x").message.endswith(found.words)
    shown = refusal(found)
    assert isinstance(shown, Refused)
    return shown.detail


@pytest.mark.parametrize("at", [0, 90, 505, 590, 599, 600, 601, 1200])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_b2_no_piece_of_a_value_gets_out_wherever_a_text_is_cut(
    at: int, encoding: Callable[[bytes], str]
) -> None:
    """A text that is cut first, and searched for the whole value then, shows the value's beginning."""
    assert told("." * at + encoding(LONG.reveal()), {"data": {"k": LONG}}) == "Invalid"


def test_b2_of_an_answer_to_a_value_names_alone_are_shown() -> None:
    sent = {"data": {"tls.key": Sensitive(b"pass word!"), "b": Sensitive(b"dns-name-like")}}
    causes = (
        {"field": "data[tls.key]", "message": "pass word!"},
        {"field": "data[dns-name-like]"},
        {"field": "pass word!"},
        {"message": 'conflict with "meddler" using v1', "field": ".data.x"},
    )
    message = "ValidatingAdmissionPolicy 'retired-ones' with binding 'b' denied request: pass word!"
    assert told(message, sent, *causes) == (
        "Invalid, field .data.x, field data[tls.key], field manager meddler, admission policy retired-ones"
    )
    assert told("any words", sent, reason="pass word!") == WITHHELD
    assert told("its own words", {"data": {"a": "b"}}) == "its own words"


@settings(deadline=None)
@given(st.binary(min_size=8, max_size=60), st.integers(0, 50), st.integers(8, 60), st.sampled_from(ENCODINGS))
def test_b2_a_piece_of_a_value_is_recognised(
    value: bytes, begin: int, size: int, encoding: Callable[[bytes], str]
) -> None:
    piece = encoding(value).strip('"=')[begin : begin + size]
    assume(len(piece) >= 8)
    assert repeats(f"before {piece} after", Sensitive(value))


def test_b2_a_short_value_is_recognised_whole() -> None:
    assert repeats("no: 4711", Sensitive(b"4711"))
    assert not repeats("no: 471", Sensitive(b"4711"))
    assert not repeats("a sentence", Sensitive(b"a"))
    assert not repeats("something else altogether", Sensitive(b"pass word!"))


# ---------------------------------------------------------------- differs

OWNED: Object = {
    "f:metadata": {"f:labels": {"f:a": {}}},
    "f:spec": {
        "f:replicas": {},
        "f:containers": {
            'k:{"name":"main"}': {
                ".": {},
                "f:name": {},
                "f:ports": {'k:{"containerPort":8200,"protocol":"TCP"}': {"f:containerPort": {}}},
                "f:args": {},
                "f:resources": {"f:limits": {"f:cpu": {}, "f:memory": {}}},
            }
        },
    },
}


def container(**more: Any) -> dict[str, Any]:
    return {
        "name": "main",
        "ports": [{"containerPort": 8200}],
        "args": ["a", "b"],
        "resources": {"limits": {"cpu": "0.1", "memory": "1Gi"}},
        **more,
    }


def wanted(**more: Any) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "X",
        "metadata": {"name": "x", "labels": {"a": "1"}},
        "spec": {"replicas": 1, "containers": [container(**more)]},
    }


def live(operation: str = "Apply", manager: str = "bootstrap") -> dict[str, Any]:
    found = wanted(terminationMessagePath="/dev/termination-log")
    found["spec"]["containers"][0]["ports"] = [{"containerPort": 8200, "protocol": "TCP"}]
    found["spec"]["containers"][0]["resources"] = {"limits": {"cpu": "100m", "memory": "1024Mi"}}
    found["spec"]["containers"].append({"name": "sidecar"})
    found["spec"]["defaulted"] = True
    found["status"] = {"ready": 1}
    found["metadata"] |= {"uid": "u", "resourceVersion": "7", "labels": {"a": "1", "other": "x"}}
    found["metadata"]["managedFields"] = [{"manager": manager, "operation": operation, "fieldsV1": OWNED}]
    return found


def test_defaults_status_and_other_managers_do_not_count() -> None:
    assert not apply_would_change(wanted(), live())
    assert not apply_would_change(wanted(), live("Update"))
    assert apply_would_change(wanted(), live(manager="kubectl"))


@pytest.mark.parametrize(
    "change",
    [
        {"args": ["b", "a"]},
        {"args": ["a"]},
        {"ports": [{"containerPort": 8201}]},
        {"ports": [{"containerPort": "8200"}]},
        {"resources": {"limits": {"cpu": "0.2", "memory": "1Gi"}}},
        {"resources": {"limits": {"cpu": "0.1"}}},
        {"stdin": True},
    ],
)
def test_each_change_is_seen(change: dict[str, Any]) -> None:
    assert apply_would_change(wanted(**change), live())


def test_what_we_applied_and_want_no_longer_is_seen() -> None:
    want = wanted()
    del want["metadata"]["labels"]
    assert apply_would_change(want, live())
    assert not apply_would_change(want, live("Update"))  # such an entry owns the server's defaults, too
    want = wanted()
    want["spec"]["containers"][0]["name"] = "renamed"
    assert apply_would_change(want, live())


def binding(api: str = "rbac.authorization.k8s.io/v1", **more: Any) -> dict[str, Any]:
    """An atomic list: the server's record of it names no fields inside."""
    fields: Object = {"f:subjects": {}, "f:set": {'v:"a"': {}}, "f:empty": {}}
    meta = {
        "name": "x",
        "managedFields": [{"manager": "bootstrap", "operation": "Apply", "fieldsV1": fields}],
    }
    return {"apiVersion": api, "kind": "X", "metadata": meta,
            "subjects": [{"kind": "User", "name": "u", **more}], "set": ["a", "b"], "empty": {"filled": 1}}  # fmt: skip


def test_inside_an_atomic_value_everything_counts_but_known_defaults() -> None:
    want = {**binding(), "metadata": {"name": "x"}, "set": ["a"], "empty": {}}
    assert not apply_would_change(want, binding(apiGroup="rbac.authorization.k8s.io"))
    assert apply_would_change(want, binding(namespace="left-over"))
    custom = {**want, "apiVersion": "external-secrets.io/v1"}
    assert not apply_would_change(custom, binding("external-secrets.io/v1", conversionStrategy="Default"))
    more = binding()
    more["subjects"].append({"kind": "User", "name": "intruder"})
    assert apply_would_change(want, more)
    assert apply_would_change({**want, "set": ["a", "c"]}, binding())
    assert apply_would_change({**want, "set": []}, binding())


def test_a_value_that_somebody_took_over_differs_and_so_does_another_order() -> None:
    taken = live()
    spec = {key: value for key, value in OWNED["f:spec"].items() if key != "f:replicas"}
    taken["metadata"]["managedFields"][0]["fieldsV1"] = {**OWNED, "f:spec": spec}
    assert apply_would_change(wanted(), taken)
    twice, have = wanted(), live()
    twice["spec"]["containers"].append({"name": "second"})
    have["spec"]["containers"].insert(0, {"name": "second"})
    owned = have["metadata"]["managedFields"][0]["fieldsV1"]["f:spec"]["f:containers"]
    have["metadata"]["managedFields"][0]["fieldsV1"] = {
        **OWNED,
        "f:spec": {**OWNED["f:spec"], "f:containers": {**owned, 'k:{"name":"second"}': {"f:name": {}}}},
    }
    assert apply_would_change(twice, have)
    have["spec"]["containers"].sort(key=lambda item: ["main", "sidecar", "second"].index(item["name"]))
    assert not apply_would_change(twice, have)


def test_secret_values_are_compared_in_memory() -> None:
    have = secret(a="YQ==")
    have["metadata"]["managedFields"] = [
        {"manager": "bootstrap", "operation": "Apply", "fieldsV1": {"f:data": {"f:a": {}}}}
    ]
    assert not apply_would_change(secret(a=Sensitive(b"a")), have)
    assert apply_would_change(secret(a=Sensitive(b"b")), have)
    assert apply_would_change(secret(a=Sensitive(b"a"), b=Sensitive(b"")), have)
    assert apply_would_change(secret(), have)


@pytest.mark.parametrize(
    ("one", "other"), [("1Gi", "1024Mi"), ("100m", "0.1"), ("1k", "1000"), (2, "2"), ("1e3", "1k")]
)
def test_quantities(one: Any, other: Any) -> None:
    assert quantity(one) == quantity(other) is not None


# ---------------------------------------------------------------- the wire

PODS = {
    "resources": [
        {"kind": "ConfigMap", "name": "configmaps", "namespaced": True},
        {"kind": "Secret", "name": "secrets", "namespaced": True},
    ]
}
CONFIGMAP = Ref("v1", "ConfigMap", "x", "n")
META = {"name": "x", "namespace": "n"}
OBJECT: Object = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": META, "data": {}}


@contextmanager
def cluster(folder: Path, *answers: Any) -> Iterator[tuple[KubeCluster, list[Observation], list[float]]]:
    """A cluster whose answers after discovery are ``answers``, the last one for ever; and its pauses."""
    ca, left, clock = authority(), list(answers), SimulatedClock()

    def script(seen: Observation) -> tuple[int, dict[str, str], bytes]:
        if seen.path == "/api/v1":
            return 200, {}, json.dumps(PODS).encode()
        answer = left.pop(0) if len(left) > 1 else left[0]
        if answer is Cut:
            raise Cut
        code, body, *headers = answer
        return code, headers[0] if headers else {}, body if isinstance(body, bytes) else body.encode()

    with serving(script, *ca.leaf("127.0.0.1"), folder) as server:
        data = base64.b64encode(ca.pem).decode()
        config = {
            "contexts": [{"name": "t", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [{"name": "c", "cluster": {"server": f"https://127.0.0.1:{server.port}",
                                                   "certificate-authority-data": data}}],
            "users": [{"name": "u", "user": {"token": "canary-token"}}],
        }  # fmt: skip
        (folder / "k").write_text(yaml.safe_dump(config))
        yield KubeCluster(KubeApi(load_kubeconfig(folder / "k"), clock=clock)), server.seen, clock.slept


def failed(kind: type[BootstrapError], code: str, act: Any) -> BootstrapError:
    with pytest.raises(kind) as caught:
        act()
    assert type(caught.value) is kind
    assert caught.value.code == code
    assert "canary" not in caught.value.message
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return caught.value


def test_a_lost_answer_of_a_write_is_unknown_and_it_is_sent_once(tmp_path: Path) -> None:
    with cluster(tmp_path, Cut) as (kube, seen, _):
        for act in (
            lambda: kube.create(OBJECT),
            lambda: kube.apply(OBJECT),
            lambda: kube.delete(CONFIGMAP, uid="u"),
            lambda: kube.replace({**OBJECT, "metadata": {**OBJECT["metadata"], "resourceVersion": "1"}}),
        ):
            seen.clear()
            failed(UnknownOutcome, "E_UNKNOWN_OUTCOME", act)
            assert len([one for one in seen if one.path != "/api/v1"]) == 1


@pytest.mark.parametrize("code", [500, 502, 503, 504])
def test_a_5xx_of_a_write_is_unknown_and_of_a_read_is_transient(tmp_path: Path, code: int) -> None:
    with cluster(tmp_path, (code, status("InternalError", "etcd"))) as (kube, _, pauses):
        failed(UnknownOutcome, "E_UNKNOWN_OUTCOME", lambda: kube.create(OBJECT))
        assert not pauses
        failed(Transient, "E_KUBE_BUSY", lambda: kube.get(CONFIGMAP))


def test_an_answer_that_is_not_json_is_no_answer(tmp_path: Path) -> None:
    with cluster(tmp_path, (200, "<html>log in</html>")) as (kube, _, _pauses):
        failed(UnknownOutcome, "E_UNKNOWN_OUTCOME", lambda: kube.create(OBJECT))
        failed(Transient, "E_UNREACHABLE", lambda: kube.get(CONFIGMAP))


def test_retry_after_is_honoured_with_a_limit_and_reads_go_on(tmp_path: Path) -> None:
    busy = (429, status("TooManyRequests"), {"Retry-After": "600"})
    with cluster(tmp_path, busy, Cut, (200, json.dumps(OBJECT))) as (kube, _, pauses):
        assert kube.get(CONFIGMAP) == OBJECT
        assert pauses == [5.0, 0.2]
    with cluster(tmp_path, busy) as (kube, _, _pauses):
        failed(Transient, "E_KUBE_BUSY", lambda: kube.create(OBJECT))


@pytest.mark.parametrize("kind", ["ConfigMap", "Secret"])
@pytest.mark.parametrize("left", [{}, {"data": None}])
def test_the_data_that_the_server_leaves_out_is_empty(tmp_path: Path, kind: str, left: Object) -> None:
    """It leaves out a mapping without entries: somebody who empties an object takes ``data`` away."""
    emptied = {"apiVersion": "v1", "kind": kind, "metadata": META, **left}
    with cluster(tmp_path, (200, json.dumps(emptied))) as (kube, _, _pauses):
        found = kube.get(Ref("v1", kind, "x", "n"))
        assert found is not None
        assert found["data"] == {}
    with cluster(tmp_path, (200, json.dumps({"items": [{"metadata": META, **left}]}))) as (kube, _, _pauses):
        assert [each["data"] for each in kube.list("v1", kind, "n")] == [{}]


def test_a_redirect_is_not_followed(tmp_path: Path) -> None:
    away = (307, "", {"Location": "https://127.0.0.1:1/elsewhere"})
    with cluster(tmp_path, away) as (kube, seen, _):
        failed(WorldError, "E_KUBE_REFUSED", lambda: kube.get(CONFIGMAP))
        assert len(seen) == 2


def test_credentials_and_rights(tmp_path: Path) -> None:
    with cluster(tmp_path, (401, status("Unauthorized"))) as (kube, _, _pauses):
        failed(PreconditionError, "E_KUBE_AUTH", lambda: kube.get(CONFIGMAP))
        failed(PreconditionError, "E_KUBE_AUTH", lambda: kube.create(OBJECT))
    with cluster(tmp_path, (403, status("Forbidden", "no"))) as (kube, _, _pauses):
        failed(WorldError, "E_KUBE_DENIED", lambda: kube.get(CONFIGMAP))
        assert kube.create(OBJECT) == Refused(Reason.FORBIDDEN, "no")


def test_a_webhook_that_is_away_stored_nothing(tmp_path: Path) -> None:
    words = 'Internal error occurred: failed calling webhook "x": connection refused'
    with cluster(tmp_path, (500, status("InternalError", words))) as (kube, _, _pauses):
        failed(Transient, "E_KUBE_BUSY", lambda: kube.create(OBJECT))


def test_a_refusal_does_not_repeat_the_value(tmp_path: Path) -> None:
    words = f'Secret "s" is invalid: data[a]: Invalid value: "{base64.b64encode(CANARY).decode()}"'
    with cluster(tmp_path, (422, status("Invalid", words))) as (kube, seen, _):
        found = kube.create(secret(a=Sensitive(CANARY)))
        assert found == Refused(Reason.INVALID, "Invalid")
        assert json.loads(seen[-1].body)["data"]["a"] == base64.b64encode(CANARY).decode()  # it did go out


def test_pages_are_joined_and_an_expired_walk_begins_again(tmp_path: Path) -> None:
    def page(name: str, more: str = "") -> tuple[int, str]:
        return 200, json.dumps({"metadata": {"continue": more}, "items": [{"metadata": {"name": name}}]})

    with cluster(tmp_path, page("a", "x"), (410, status("Expired")), page("a", "y"), page("b")) as (
        kube,
        seen,
        _,
    ):
        found = kube.list("v1", "ConfigMap", "n", "k=v")
        assert [item["metadata"]["name"] for item in found] == ["a", "b"]
        assert found[0]["kind"] == "ConfigMap"
        assert "labelSelector=k%3Dv" in seen[1].path
        assert "continue=y" in seen[-1].path


def test_compare_and_swap_is_never_forgotten(tmp_path: Path) -> None:
    with cluster(tmp_path, (200, "{}")) as (kube, seen, _):
        with pytest.raises(ValueError, match="resourceVersion"):
            kube.replace(OBJECT)
        with pytest.raises(ValueError, match="UID"):
            kube.delete(CONFIGMAP, uid="")
        assert not seen


def test_a_kind_that_is_not_served(tmp_path: Path) -> None:
    other = {**OBJECT, "kind": "Nothing"}
    with cluster(tmp_path, (200, "{}")) as (kube, _, _pauses):
        assert kube.get(Ref("v1", "Nothing", "x", "n")) is None
        assert kube.list("v1", "Nothing") == []
        assert kube.differs(other)
        refused = kube.create(other)
        assert isinstance(refused, Refused)
        assert refused.reason is Reason.NOT_FOUND


def test_nobody_there_and_somebody_else(tmp_path: Path) -> None:
    with cluster(tmp_path, (200, "{}")) as (kube, _, _pauses):
        pass
    failed(PreconditionError, "E_UNREACHABLE", kube.version)
    failed(Transient, "E_UNREACHABLE", lambda: kube.create(OBJECT))
    with cluster(tmp_path, (200, "{}")) as (kube, _, _pauses):
        text = (tmp_path / "k").read_text()
        other = base64.b64encode(authority().pem).decode()
        document = yaml.safe_load(text)
        document["clusters"][0]["cluster"]["certificate-authority-data"] = other
        (tmp_path / "k").write_text(yaml.safe_dump(document))
        stranger = KubeCluster(KubeApi(load_kubeconfig(tmp_path / "k")))
        failed(PreconditionError, "E_KUBE_TRUST", stranger.version)
        failed(PreconditionError, "E_KUBE_TRUST", lambda: stranger.create(OBJECT))


def test_missing_names_exactly_what_is_not_allowed(tmp_path: Path) -> None:
    wanted = [Permission("get", "", "pods", f"n{i}") for i in range(20)]
    with cluster(tmp_path, (201, json.dumps({"status": {"allowed": False}}))) as (kube, seen, _):
        assert kube.missing(wanted) == tuple(wanted)
        assert kube.missing([]) == ()
        assert len(seen) == 20


@pytest.mark.parametrize(
    "body", ["{}", '{"gitVersion": 5}', '{"gitVersion": ""}', '{"gitVersion": {"a": "b"}}']
)
def test_what_answers_and_is_no_api_server_is_called_that(tmp_path: Path, body: str) -> None:
    with cluster(tmp_path, (200, body)) as (kube, _, _):
        failed(PreconditionError, "E_KUBE_KIND", kube.version)
        failed(PreconditionError, "E_KUBE_KIND", kube.identity)


def test_an_api_server_that_does_not_show_its_keys_is_named(tmp_path: Path) -> None:
    with cluster(tmp_path, (404, "{}")) as (kube, _, _):
        failed(PreconditionError, "E_NO_ISSUER", kube.token_issuer)
    for body in ("<html>", "[]", ""):
        with cluster(tmp_path, (200, body)) as (kube, _, _):
            failed(PreconditionError, "E_NO_ISSUER", kube.token_issuer)
    with cluster(tmp_path, (200, '{"issuer": "https://a.example"}')) as (kube, seen, _):
        failed(PreconditionError, "E_NO_ISSUER", kube.token_issuer)
        assert len(seen) == 2


def test_a_list_of_kinds_that_is_none_is_called_that(tmp_path: Path) -> None:
    with cluster(tmp_path, (200, '{"resources": [{"name": 5}]}')) as (kube, _, _):
        failed(PreconditionError, "E_KUBE_KIND", lambda: kube.get(Ref("a/v1", "B", "c")))
