"""KV v2: versions, check-and-set, and the three ways in which a value goes."""

from typing import Any

import pytest

from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Answer
from tests.contract.vault.running import Running, path

VALUE = Sensitive(b"canary-value", "canary")
MISMATCH = "check-and-set parameter did not match the current version"
REQUIRED = "check-and-set parameter required for this call"


@pytest.fixture
def where() -> str:
    return path()


def write(vault: Running, where: str, cas: int | None = None, **data: Any) -> Answer:
    options = {} if cas is None else {"options": {"cas": cas}}
    return vault.call("POST", f"secret/data/{where}", {"data": data or {"a": VALUE}, **options})


def read(vault: Running, where: str, version: int = 0) -> Answer:
    return vault.call("GET", f"secret/data/{where}" + (f"?version={version}" if version else ""))


def refused(answer: Answer, words: str) -> None:
    assert (answer.status, answer.errors) == (400, (words,))


# ---------------------------------------------------------------- versions


def test_a_value_goes_in_and_comes_back(vault: Running, where: str) -> None:
    first = write(vault, where, cas=0)
    assert (first.status, first.data["version"]) == (200, 1)
    found = read(vault, where)
    assert found.status == 200
    assert found.data["data"] == {"a": VALUE}
    assert found.data["metadata"]["version"] == 1
    assert "canary-value" not in repr((first, found))


def test_versions_count_up_and_stay(vault: Running, where: str) -> None:
    write(vault, where, cas=0, a="1")
    assert write(vault, where, cas=1, a="2").data["version"] == 2
    assert read(vault, where, 1).data["data"] == {"a": Sensitive(b"1")}
    assert read(vault, where, 2).data["data"] == {"a": Sensitive(b"2")}
    assert read(vault, where).data["metadata"]["version"] == 2


def test_a_version_is_whole(vault: Running, where: str) -> None:
    write(vault, where, a="1", b="1")
    write(vault, where, a="2")
    assert read(vault, where).data["data"] == {"a": Sensitive(b"2")}


def test_a_version_that_never_was(vault: Running, where: str) -> None:
    write(vault, where)
    assert read(vault, where, 2).status == 404


def test_nothing_is_404(vault: Running, where: str) -> None:
    assert read(vault, where).status == 404
    assert vault.call("GET", f"secret/metadata/{where}").status == 404
    assert vault.call("LIST", f"secret/metadata/{where}/").status == 404


def test_a_folder_lists_what_is_in_it(vault: Running, where: str) -> None:
    for name in ("b", "a", "c/d"):
        write(vault, f"{where}/{name}")
    assert vault.call("LIST", f"secret/metadata/{where}/").data["keys"] == ["a", "b", "c/"]
    assert vault.call("LIST", f"secret/metadata/{where}").data["keys"] == ["a", "b", "c/"]


# ---------------------------------------------------------------- check-and-set


def test_metadata_first_then_cas_0(vault: Running, where: str) -> None:
    marks = {"owner": "team", "n": "1"}
    made = vault.call("POST", f"secret/metadata/{where}", {"custom_metadata": marks, "cas_required": True})
    assert made.status == 204
    before = vault.call("GET", f"secret/metadata/{where}")
    assert (before.data["current_version"], before.data["cas_required"]) == (0, True)
    assert read(vault, where).status == 404
    assert write(vault, where, cas=0).data["version"] == 1
    after = vault.call("GET", f"secret/metadata/{where}")
    assert (after.data["current_version"], after.data["custom_metadata"]) == (1, marks)
    assert read(vault, where).data["metadata"]["custom_metadata"] == marks


@pytest.mark.parametrize("cas", [0, 2, 7])
def test_a_cas_that_does_not_match(vault: Running, where: str, cas: int) -> None:
    write(vault, where, cas=0, a="1")
    refused(write(vault, where, cas=cas, a="2"), MISMATCH)
    assert read(vault, where).data["data"] == {"a": Sensitive(b"1")}


def test_a_cas_of_a_version_before_there_is_one(vault: Running, where: str) -> None:
    refused(write(vault, where, cas=1), MISMATCH)
    assert read(vault, where).status == 404


def test_cas_required(vault: Running, where: str) -> None:
    vault.call("POST", f"secret/metadata/{where}", {"cas_required": True})
    refused(write(vault, where), REQUIRED)
    assert read(vault, where).status == 404
    assert write(vault, where, cas=0).ok
    refused(write(vault, where), REQUIRED)
    assert write(vault, where, cas=1).ok


def test_without_cas_it_is_overwritten(vault: Running, where: str) -> None:
    write(vault, where, cas=0)
    assert write(vault, where).data["version"] == 2


def test_metadata_is_written_leaf_by_leaf(vault: Running, where: str) -> None:
    vault.call("POST", f"secret/metadata/{where}", {"custom_metadata": {"a": "1"}, "cas_required": True})
    vault.call("POST", f"secret/metadata/{where}", {"custom_metadata": {"b": "2"}})
    found = vault.call("GET", f"secret/metadata/{where}").data
    assert (found["custom_metadata"], found["cas_required"]) == ({"b": "2"}, True)


def test_a_write_without_data(vault: Running, where: str) -> None:
    answer = vault.call("POST", f"secret/data/{where}", {"options": {"cas": 0}})
    assert answer.status == 400
    assert read(vault, where).status == 404


# ---------------------------------------------------------------- going


class TestSoftDeleted:
    @pytest.fixture
    def gone(self, vault: Running, where: str) -> str:
        write(vault, where, cas=0)
        assert vault.call("DELETE", f"secret/data/{where}").status == 204
        return where

    @pytest.mark.parametrize("version", [0, 1])
    def test_it_is_404_with_metadata(self, vault: Running, gone: str, version: int) -> None:
        found = read(vault, gone, version)
        assert found.status == 404
        assert found.data["metadata"]["deletion_time"]
        assert found.data["metadata"]["version"] == 1
        assert not found.data["data"]

    def test_cas_0_is_refused(self, vault: Running, gone: str) -> None:
        refused(write(vault, gone, cas=0), MISMATCH)

    def test_cas_1_is_accepted(self, vault: Running, gone: str) -> None:
        assert write(vault, gone, cas=1).data["version"] == 2

    def test_it_comes_back(self, vault: Running, gone: str) -> None:
        assert vault.call("POST", f"secret/undelete/{gone}", {"versions": [1]}).status == 204
        assert read(vault, gone).data["data"] == {"a": VALUE}

    def test_its_metadata_stays(self, vault: Running, gone: str) -> None:
        assert vault.call("GET", f"secret/metadata/{gone}").data["current_version"] == 1


def test_a_destroyed_version(vault: Running, where: str) -> None:
    write(vault, where, cas=0)
    assert vault.call("POST", f"secret/destroy/{where}", {"versions": [1]}).status == 204
    found = read(vault, where)
    assert (found.status, found.data["metadata"]["destroyed"]) == (404, True)
    refused(write(vault, where, cas=0), MISMATCH)


def test_deleting_the_metadata_makes_version_1_possible_again(vault: Running, where: str) -> None:
    write(vault, where, cas=0, a="1")
    assert vault.call("DELETE", f"secret/metadata/{where}").status == 204
    assert read(vault, where, 1).status == 404
    assert write(vault, where, cas=0, a="2").data["version"] == 1
    assert read(vault, where, 1).data["data"] == {"a": Sensitive(b"2")}


@pytest.mark.parametrize("kind", ["data", "metadata"])
def test_deleting_nothing(vault: Running, where: str, kind: str) -> None:
    assert vault.call("DELETE", f"secret/{kind}/{where}").status == 204


# ---------------------------------------------------------------- values

STRINGS = {
    "empty": "",
    "newline": "a\n",
    "quotes": "\"'\\",
    "umlaut": "\u00fc",
    "astral": "\U0001f511",
    "NUL": "a\x00b",
    "digits": "9007199254740993",
    "64 KiB": "x" * 65536,
}


@pytest.mark.parametrize("text", STRINGS.values(), ids=STRINGS)
def test_strings_come_back_as_they_went(vault: Running, where: str, text: str) -> None:
    write(vault, where, cas=0, a=Sensitive(text.encode()))
    assert read(vault, where).data["data"]["a"] == Sensitive(text.encode())


@pytest.mark.parametrize(
    ("sent", "found"),
    [(2**53 - 1, 2**53 - 1), (2**53 + 1, 2**53), (7, 7), (True, True), (None, None), (0.5, 0.5)],
    ids=["largest exact integer", "one above", "small", "boolean", "null", "half"],
)
def test_what_is_no_string_comes_back_as_a_float_would(
    vault: Running, where: str, sent: Any, found: Any
) -> None:
    write(vault, where, cas=0, a=sent)
    got = read(vault, where).data["data"]["a"]
    assert got == found
    assert isinstance(got, bool) is isinstance(found, bool)


def test_what_is_nested_keeps_its_shape(vault: Running, where: str) -> None:
    write(vault, where, cas=0, a={"b": ["x", 1]})
    assert read(vault, where).data["data"] == {"a": {"b": [Sensitive(b"x"), 1]}}


@pytest.mark.parametrize("name", ["UPPER", "with.dot", "a_b", "a@b", "a+b", "a=b", "a:b"])
def test_names_are_ours_to_check(vault: Running, name: str) -> None:
    """Vault takes them all, so conventions (D3) are held by ``check``."""
    where = f"{path()}/{name}"
    assert write(vault, where, cas=0).ok
    assert read(vault, where).data["data"] == {"a": VALUE}
