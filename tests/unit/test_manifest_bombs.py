"""A few lines of YAML that stand for more than any machine holds: refused, or read with little work (G5)."""

import json
from pathlib import Path

import pytest

from bootstrap.adapters.kubernetes.kubeconfig import load_kubeconfig
from bootstrap.intent.manifests import documents_of
from bootstrap.model.errors import DefinitionError, PreconditionError
from tests.support.kubeconfigs import BASE, refused
from tests.support.work import calls_as_long_as, calls_at_most

LAUGH = b"a0: &a0 {k: v}\n" + b"".join(
    b"a%d: &a%d {<<: [%s]}\n" % (n, n, b",".join([b"*a%d" % (n - 1)] * 10)) for n in range(1, 20)
)
LISTS = b"b0: &b0 [x, x]\n" + b"".join(
    b"b%d: &b%d [*b%d, *b%d]\n" % (n, n, n - 1, n - 1) for n in range(1, 40)
)
CHAIN = b"a0: &a0 [x]\n" + b"".join(b"a%d: &a%d [*a%d]\n" % (n, n, n - 1) for n in range(1, 3000))
WIDE = b"a: &a {%s}\nb: {<<: [%s]}\n" % (
    b", ".join(b"k%d: x" % n for n in range(2000)),
    b", ".join([b"*a"] * 2000),
)
BOMBS = {
    "lists": (LISTS, "E_YAML_ALIAS"),
    "a chain": (CHAIN, "E_YAML_ALIAS"),
    "wide merges": (WIDE, "E_MANIFEST"),
    "a number with its tag": (b"a: !!int 1" + b":1" * 200_000, "E_MANIFEST"),
    "bytes": (b"a: !!binary aGk=", "E_MANIFEST"),
    "a set": (b"a: !!set {x}", "E_MANIFEST"),
    "a date": (b"a: !!timestamp 2020-01-01", "E_MANIFEST"),
    "a tag of its own": (b"a: !secret x", "E_MANIFEST"),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_g5_it_is_refused(bomb: str) -> None:
    data, code = BOMBS[bomb]
    with calls_at_most(calls_as_long_as(data)), pytest.raises(DefinitionError) as caught:
        documents_of("m.yaml", data)
    assert (caught.value.code, bool(caught.value.hint)) == (code, True)


def test_g5_merged_keys_count_once_however_often_they_are_merged() -> None:
    (found,) = documents_of("m.yaml", LAUGH)
    assert found["a19"] == {"k": "v"}
    assert documents_of("m.yaml", b"a: &a {<<: *a}") == [{"a": {}}]
    (merged,) = documents_of("m.yaml", b"x: &x {a: 1, b: 2}\ny: {<<: *x, b: 3}\nz: {<<: [*x, {a: 4, c: 5}]}")
    assert (merged["y"], merged["z"]) == ({"a": 1, "b": 3}, {"a": 1, "b": 2, "c": 5})


def test_numbers_are_those_of_kubectl() -> None:
    text = b"a: 1:30:00\nb: 017\nc: 0x1F\nd: 1.5\ne: -3\nf: 1:1" + b":1" * 100_000 + b"\ng: " + b"9" * 5000
    (found,) = documents_of("m.yaml", text)
    assert [found[key] for key in "abcde"] == ["1:30:00", 15, 31, 1.5, -3]
    assert all(isinstance(found[key], str) for key in "fg")
    json.dumps(found)


@pytest.mark.parametrize("data", [LISTS, LAUGH, CHAIN, b"[" * 100_000, b"contexts: []\n" * 400_000])
def test_g5_nor_does_a_kubeconfig_take_all_memory(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    path.write_bytes(data)
    refused("E_KUBECONFIG", path)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"server": "https://[::1"}, "E_KUBECONFIG"),
        ({"server": "https://host:99999"}, "E_KUBECONFIG"),
        ({"server": "https://host", "proxy-url": "http://[x"}, "E_KUBECONFIG"),
        ({"server": "https://host", "certificate-authority": "x" * 10_000}, "E_KUBECONFIG"),
    ],
)
def test_a_cluster_that_is_none_is_named(change: dict[str, str], code: str, tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(json.dumps({**BASE, "clusters": [{"name": "c", "cluster": change}]}))
    refused(code, path)


@pytest.mark.parametrize(
    "user",
    [
        {"token": "a\nb"},
        {"token": "ü"},
        {"exec": "x"},
        {"exec": {"apiVersion": [], "command": "x"}},
        {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "x", "args": 1}},
        {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "x", "env": ["A"]}},
        {"tokenFile": "a\0b"},
        {"tokenFile": "binary"},
        {"tokenFile": "."},
    ],
)
def test_a_login_that_is_none_is_named(user: dict[str, object], tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    (tmp_path / "binary").write_bytes(bytes(range(256)))
    path.write_text(json.dumps({**BASE, "users": [{"name": "u", "user": user}]}))

    with pytest.raises(PreconditionError) as caught:
        load_kubeconfig(path, "one")
    assert caught.value.code in ("E_KUBECONFIG", "E_KUBE_EXEC", "E_KUBE_AUTH")
    assert caught.value.hint
