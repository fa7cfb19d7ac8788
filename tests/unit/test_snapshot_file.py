"""A snapshot file: written whole or not at all, judged without a key, opened with the root (INV1, B1)."""

import errno
import hashlib
import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from bootstrap.adapters.age.root import generate
from bootstrap.adapters.openpgp.keys import PgpRoot
from bootstrap.adapters.openpgp.keys import generate as generate_pgp
from bootstrap.adapters.snapshot import container
from bootstrap.adapters.snapshot.container import part_of
from bootstrap.adapters.snapshot.file import read_snapshot
from bootstrap.adapters.snapshot.manifest import End, end_bytes, signed_content
from bootstrap.adapters.snapshot.target import LocalFile
from bootstrap.adapters.snapshot.writer import SnapshotWriter
from bootstrap.ledger.bundle import Bundle
from bootstrap.model.errors import (
    BootstrapError,
    DefinitionError,
    EvidenceError,
    Interrupted,
    PreconditionError,
)
from bootstrap.model.snapshot import LEDGER, RAFT, LedgerPoint, Signature
from bootstrap.operations.snapshot.judge import Contents, contents, judged, signed
from tests.support.ledger_facts import VAULT, Key, bundle
from tests.support.raft_snapshots import Store, archive, parts, snapshot, state
from tests.support.snapshot_files import (
    BUNDLE,
    STORE,
    VALUES,
    Platform,
    by_vault,
    facts,
    pieces,
    platform,
    whole,
)

PLATFORM = platform()
RAFT_SNAPSHOT = whole()


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return PLATFORM.write(tmp_path_factory.mktemp("snapshots") / "good", RAFT_SNAPSHOT)


def refused(act: Callable[[], object], kind: type[BootstrapError] = EvidenceError) -> BootstrapError:
    with pytest.raises(kind) as caught:
        act()
    assert "canary" not in f"{caught.value.message} {caught.value.where} {caught.value.hint}"
    assert caught.value.where
    assert caught.value.hint
    return caught.value


def opened(path: Path, who: Platform = PLATFORM) -> Contents:
    return contents(judged(path), who.trust)


def test_inv1_what_was_saved_is_judged_whole_and_opens(good: Path) -> None:
    found = opened(good)
    assert (found.entries, found.clear) == (34, ("core/lock", "core/seal-config"))
    assert found.tokens == {"accessor-of-the-saver": ("bootstrap-snapshot",)}
    assert (found.records, found.saved, found.unproven) == (14, ("registry",), ("registry",))


def test_its_parts_come_out_as_they_went_in(good: Path) -> None:
    held = bytearray()

    class Sink:
        def write(self, data: bytes) -> int:
            held.extend(data)
            return len(data)

        def flush(self) -> None: ...

    file = read_snapshot(good).opened(PLATFORM.root)
    file.stream(RAFT, Sink())
    assert bytes(held) == RAFT_SNAPSHOT
    assert file.bundle() == BUNDLE
    assert file.saved() == VALUES


def test_b1_nothing_of_it_is_in_clear(good: Path) -> None:
    data = good.read_bytes()
    for clear in (
        b"canary",
        RAFT_SNAPSHOT[100:140],
        b"keycloak",
        b"core/keyring",
        STORE.share.hex().encode(),
    ):
        assert clear not in data
    assert good.stat().st_mode & 0o077 == 0


def test_a_part_of_more_than_a_piece_is_one_stream(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(container, "PIECE", 1000)
    file = read_snapshot(PLATFORM.write(tmp_path / "small-pieces", RAFT_SNAPSHOT))
    assert len(file.pieces[RAFT]) > 5
    assert contents(file, PLATFORM.trust).entries == 34


def test_standard_tools_read_its_members(good: Path) -> None:
    import tarfile

    with tarfile.open(good) as tar:
        names = tar.getnames()
    assert names == [
        "key.age", "raft.age/00000000", "ledger.age/00000000", "secrets.age/00000000", "manifest.json", "end.json",
    ]  # fmt: skip


def test_an_openpgp_root_opens_one_too(tmp_path: Path) -> None:
    root = PgpRoot(generate_pgp("root"))
    path = tmp_path / "pgp"
    with SnapshotWriter(path, (root.armored_certificate.decode(),)) as to:
        to.raft(pieces(RAFT_SNAPSHOT))
        to.ledger(BUNDLE)
        to.values(VALUES)
        to.manifest(lambda made: PLATFORM.manifest(made, RAFT_SNAPSHOT, recipients=root.recipients), by_vault)
        to.finish()
    assert contents(judged(path), replace(PLATFORM.trust, root=root)).entries == 34
    error = refused(lambda: opened(path), BootstrapError)
    assert (error.code, error.exit_code) == ("E_SNAPSHOT_ROOT", 4)
    assert root.fingerprint in error.message


# ---------------------------------------------------------------- who made it

HEADS = {"records/uid-1/head.json": Bundle.parse(BUNDLE).head}
PUBLIC = {"ledger.pub": Key().pem}


def signed_otherwise(good: Path, path: Path, sign: Callable[[bytes], Signature | None]) -> Path:
    """Of the same members, with another end: every digest fits."""
    with good.open("rb") as disk:
        found = list(container.members(disk))
    with path.open("wb") as disk:
        to = container.Container(disk)
        for member in found[:-1]:
            to.member(member.name, member.content)
        content = found[-2].content
        end = End(manifest=hashlib.sha256(content).hexdigest(), signature=sign(signed_content(content)))
        to.member(found[-1].name, end_bytes(end))
        to.close()
    return path


def test_inv1_vaults_signature_is_verified_without_the_root(good: Path) -> None:
    assert signed(judged(good), PUBLIC, HEADS) == VAULT.public


@pytest.mark.parametrize(
    ("sign", "code"),
    [
        (lambda _: None, "E_SNAPSHOT_UNSIGNED"),
        (lambda content: by_vault(content, Key(10)), "E_SNAPSHOT_SIGNATURE"),
        (lambda content: replace(by_vault(content, Key(10)), key_id=VAULT.key_id), "E_SNAPSHOT_SIGNATURE"),
        (lambda content: replace(by_vault(content), key_id=Key(10).key_id), "E_SNAPSHOT_SIGNATURE"),
        (lambda content: by_vault(content + b" "), "E_SNAPSHOT_SIGNATURE"),
        (lambda content: by_vault(signed_content(content)), "E_SNAPSHOT_SIGNATURE"),
    ],
    ids=[
        "unsigned",
        "of another key",
        "under a false name",
        "named as another's",
        "of another content",
        "of another form",
    ],
)
def test_inv1_what_vault_did_not_sign_is_refused(
    good: Path, tmp_path: Path, sign: Callable[[bytes], Signature | None], code: str
) -> None:
    """With the root and without it; what it says of itself is still shown."""
    path = signed_otherwise(good, tmp_path / "other", sign)
    assert judged(path).manifest == judged(good).manifest
    assert refused(lambda: signed(judged(path), PUBLIC, HEADS)).code == code
    assert refused(lambda: opened(path)).code == code


def test_inv1_a_signature_is_of_its_own_manifest(tmp_path: Path, good: Path) -> None:
    """Altered, every digest redone, under the signature that it had."""
    other = PLATFORM.write(tmp_path / "other", RAFT_SNAPSHOT, time="2025-01-01T00:00:00Z")
    genuine = judged(good).signature
    path = signed_otherwise(other, tmp_path / "moved", lambda _: genuine)
    assert refused(lambda: signed(judged(path), PUBLIC, HEADS)).code == "E_SNAPSHOT_SIGNATURE"


def test_the_key_is_the_one_that_a_signed_head_of_its_cluster_names(good: Path) -> None:
    def without(heads: dict[str, bytes]) -> BootstrapError:
        return refused(lambda: signed(judged(good), PUBLIC, heads), PreconditionError)

    older = Bundle.parse(bundle()).head  # of a version that announced none
    assert {without({}).code, without({"records/uid-1/head.json": older}).code} == {"E_SNAPSHOT_KEY"}
    foreign = {"records/uid-1/head.json": Bundle.parse(bundle(Key(2))).head}
    assert refused(lambda: signed(judged(good), PUBLIC, foreign)).code == "E_SIG"


def test_inv1_a_ledger_that_announces_no_key_is_of_no_signed_snapshot(tmp_path: Path) -> None:
    older = bundle()
    with SnapshotWriter(tmp_path / "older", PLATFORM.root.recipients) as to:
        to.raft(pieces(RAFT_SNAPSHOT))
        to.ledger(older)
        to.values(VALUES)
        to.manifest(lambda made: PLATFORM.manifest(made, RAFT_SNAPSHOT), by_vault)
        to.finish()
    assert refused(lambda: opened(tmp_path / "older")).code == "E_SNAPSHOT_UNSIGNED"


# ---------------------------------------------------------------- who opens it


def test_a_foreign_root_is_told_whose_key_would_do(good: Path) -> None:
    foreign = replace(PLATFORM.trust, root=generate())
    error = refused(lambda: contents(judged(good), foreign), BootstrapError)
    assert (error.code, error.exit_code) == ("E_SNAPSHOT_ROOT", 4)
    assert PLATFORM.root.recipients[0] in error.message


def test_another_commits_unseal_key_is_named(good: Path) -> None:
    error = refused(lambda: opened(good, replace(platform(), root=PLATFORM.root)))
    assert error.code == "E_SNAPSHOT_GENERATION"


def test_a_share_of_another_generation_does_not_open_it(tmp_path: Path) -> None:
    other = PLATFORM.share(Store(share=b"\7" * 32), generation=2)
    error = refused(lambda: opened(PLATFORM.write(tmp_path / "other", RAFT_SNAPSHOT, share=other)))
    assert error.code == "E_SNAPSHOT_GENERATION"
    assert "generation 2" in error.message


def test_another_environment_is_refused(tmp_path: Path, good: Path) -> None:
    staging = PLATFORM.write(tmp_path / "staging", RAFT_SNAPSHOT, environment="staging")
    assert judged(staging, "staging").manifest.environment == "staging"
    for path, wanted in ((staging, "production"), (good, "production")):
        assert refused(partial(judged, path, wanted)).code == "E_SNAPSHOT_ENVIRONMENT"
    # Its ledger says which it is, whatever the manifest says.
    assert refused(lambda: opened(staging)).code == "E_SNAPSHOT_MANIFEST"


@pytest.mark.parametrize(
    "changed",
    [
        {"cluster": "uid-2"},
        {"vault_cluster": "vault-2"},
        {"raft": facts(RAFT_SNAPSHOT, index=40)},
        {"raft": facts(RAFT_SNAPSHOT, term=2)},
        {"raft": facts(RAFT_SNAPSHOT, version="1.20.0")},
        {"raft": facts(RAFT_SNAPSHOT, sha256="0" * 64)},
        {"ledger": LedgerPoint(size=9, last="0" * 64, root="0" * 64)},
    ],
)
def test_a_manifest_that_contradicts_its_content_is_refused(
    tmp_path: Path, changed: dict[str, object]
) -> None:
    path = PLATFORM.write(tmp_path / "changed", RAFT_SNAPSHOT, **changed)
    assert refused(lambda: opened(path)).code == "E_SNAPSHOT_MANIFEST"


def test_another_platforms_ledger_is_refused(good: Path) -> None:
    trust = replace(PLATFORM.trust, keys={"ledger.pub": Key(2).pem})
    assert refused(lambda: contents(judged(good), trust)).code == "E_SIG"


@pytest.mark.parametrize("policy", ["root", "bootstrap-configure"])
def test_b5_a_token_of_power_that_would_live_again_is_refused(tmp_path: Path, policy: str) -> None:
    path = PLATFORM.write(tmp_path / "alive", whole(STORE, STORE.token("a-root", "default", policy)))
    error = refused(lambda: opened(path))
    assert (error.code, "a-root" in error.message) == ("E_SNAPSHOT_ROOT_TOKEN", True)


# ---------------------------------------------------------------- whole or not at all


def test_a_stream_that_ends_early_leaves_no_file(tmp_path: Path) -> None:
    for data in (b"", RAFT_SNAPSHOT[:900], RAFT_SNAPSHOT[:-8]):
        with (
            pytest.raises(EvidenceError) as caught,
            SnapshotWriter(tmp_path / "cut", PLATFORM.root.recipients) as to,
        ):
            to.raft(pieces(data))
        assert caught.value.code == "E_RAFT_CUT"
        assert list(tmp_path.iterdir()) == []


def test_a_stream_that_breaks_keeps_its_error_and_leaves_no_file(tmp_path: Path) -> None:
    def broken() -> Iterator[bytes]:
        yield RAFT_SNAPSHOT[:700]
        raise DefinitionError("the line is gone", code="E_LINE")

    with (
        pytest.raises(DefinitionError) as caught,
        SnapshotWriter(tmp_path / "cut", PLATFORM.root.recipients) as to,
    ):
        to.raft(broken())
    assert caught.value.code == "E_LINE"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", [KeyboardInterrupt, Interrupted])
def test_an_interruption_stays_one_wherever_it_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: type[BaseException]
) -> None:
    error = Interrupted("stopped", signal_number=15) if kind is Interrupted else kind()

    def interrupted() -> Iterator[bytes]:
        yield RAFT_SNAPSHOT[:700]
        raise error

    writes = itertools.count(1)

    def stopped(_: LocalFile, data: bytes) -> None:
        if next(writes) > 6:
            raise error

    with pytest.raises(kind), SnapshotWriter(tmp_path / "one", PLATFORM.root.recipients) as to:
        to.raft(interrupted())
    monkeypatch.setattr(LocalFile, "_put", stopped)
    monkeypatch.setattr(container, "PIECE", 1000)
    with pytest.raises(kind), SnapshotWriter(tmp_path / "two", PLATFORM.root.recipients) as to:
        to.raft(pieces(RAFT_SNAPSHOT))
    assert list(tmp_path.iterdir()) == []


def test_until_it_is_whole_it_has_another_name(tmp_path: Path) -> None:
    path = tmp_path / "snapshot"

    def watched() -> Iterator[bytes]:
        for piece in pieces(RAFT_SNAPSHOT):
            assert [p.name for p in tmp_path.iterdir() if not p.name.endswith(".part")] == []
            yield piece

    with SnapshotWriter(path, PLATFORM.root.recipients) as to:
        to.raft(watched())
        to.ledger(BUNDLE)
        to.values(VALUES)
        assert not path.exists()
        to.manifest(lambda made: PLATFORM.manifest(made, RAFT_SNAPSHOT), by_vault)
        to.finish()
    assert [p.name for p in tmp_path.iterdir()] == ["snapshot"]


def test_a_file_that_is_there_is_not_written_over(tmp_path: Path) -> None:
    path = tmp_path / "there"
    path.write_bytes(b"another's")
    with pytest.raises(DefinitionError) as caught:
        PLATFORM.write(path, RAFT_SNAPSHOT)
    assert (caught.value.code, path.read_bytes()) == ("E_EXISTS", b"another's")


def test_of_two_at_once_the_second_writes_over_nothing(tmp_path: Path) -> None:
    path = tmp_path / "snapshot"
    with pytest.raises(DefinitionError) as caught, SnapshotWriter(path, PLATFORM.root.recipients) as to:
        to.raft(pieces(RAFT_SNAPSHOT))
        to.ledger(BUNDLE)
        to.values(VALUES)
        first = PLATFORM.write(path, RAFT_SNAPSHOT).read_bytes()
        to.manifest(lambda made: PLATFORM.manifest(made, RAFT_SNAPSHOT), by_vault)
        to.finish()
    assert caught.value.code == "E_EXISTS"
    assert path.read_bytes() == first
    assert [p.name for p in tmp_path.iterdir()] == ["snapshot"]


@pytest.mark.parametrize("piece", [1000, 1 << 20])
@pytest.mark.parametrize("room", [0, 300, 5000, 8000])
def test_a_full_disk_is_one_error_and_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int, piece: int
) -> None:
    """Also while the library seals, where small pieces leave."""
    monkeypatch.setattr(container, "PIECE", piece)

    written = []

    def full(_: LocalFile, data: bytes) -> None:
        written.append(len(data))
        if sum(written) > room:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(LocalFile, "_put", full)
    with pytest.raises(DefinitionError) as caught:
        PLATFORM.write(tmp_path / "full", RAFT_SNAPSHOT)
    assert (caught.value.code, list(tmp_path.iterdir())) == ("E_OUT", [])
    assert "No space left" in caught.value.message


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError) as caught:
        PLATFORM.write(tmp_path / "none" / "snapshot", RAFT_SNAPSHOT)
    assert caught.value.code == "E_OUT"


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert refused(lambda: judged(tmp_path / "none"), DefinitionError).code == "E_FILE_MISSING"


def test_what_is_no_snapshot_says_so(tmp_path: Path) -> None:
    path = tmp_path / "other"
    for data in (
        b"",
        b"text",
        RAFT_SNAPSHOT,
        bytes(4096),
        BUNDLE,
        archive(parts(STORE, state([("a", b"b")]))),
    ):
        path.write_bytes(data)
        assert refused(lambda: judged(path)).code == "E_SNAPSHOT_FORMAT"


def test_a_file_with_bytes_behind_its_end_is_refused(tmp_path: Path, good: Path) -> None:
    path = tmp_path / "longer"
    for more in (b"x", bytes(container.BLOCK), bytes(18 * container.BLOCK)):
        path.write_bytes(good.read_bytes() + more)
        assert refused(lambda: judged(path)).code == "E_SNAPSHOT_DAMAGED"


def test_a_manifest_that_was_changed_is_refused(tmp_path: Path, good: Path) -> None:
    """Canonical still, and of the same length: only the digest behind it tells."""
    path = tmp_path / "changed"
    path.write_bytes(good.read_bytes().replace(b'"time":"2026-01-01', b'"time":"2025-01-01'))
    assert path.read_bytes() != good.read_bytes()
    assert refused(lambda: judged(path)).code == "E_SNAPSHOT_DAMAGED"


def test_swapped_parts_of_two_good_files_are_refused(tmp_path: Path, good: Path) -> None:
    """Each byte of it was written by this program, and yet it is no snapshot."""
    other = PLATFORM.write(tmp_path / "other", snapshot(STORE, STORE.entries()))
    with good.open("rb") as first, other.open("rb") as second:
        ours, theirs = list(container.members(first)), {m.name: m for m in container.members(second)}
    path = tmp_path / "mixed"
    with path.open("wb") as disk:
        to = container.Container(disk)
        for member in ours:
            to.member(
                member.name,
                (theirs if part_of(member.name) == LEDGER else {m.name: m for m in ours})[
                    member.name
                ].content,
            )
        to.close()
    error = refused(lambda: judged(path))
    assert (error.code, "ledger.age" in error.message) == ("E_SNAPSHOT_DAMAGED", True)
