"""Signed commits and tags, made by the real ``git`` with ``ssh-keygen`` and ``gpg``, against pinned signers."""

import contextlib
import hashlib
import shutil
import subprocess
import time
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bootstrap.adapters.git.allowed_signers import read_signers
from bootstrap.adapters.git.openpgp_signature import judge
from bootstrap.adapters.git.repository import Named, open_repository
from bootstrap.adapters.git.signature import require_signed
from bootstrap.adapters.git.ssh_signature import BEGIN, END, holds, parse
from bootstrap.model.errors import BootstrapError, DefinitionError, EvidenceError
from tests.support.git_servers import ENVIRONMENT, git
from tests.support.git_work import bootstrap, work

__all__ = ["work"]  # a fixture

SSH = {"alice": "ed25519", "bob": "rsa", "carol": "ecdsa", "mallory": "ed25519"}
NAMES = ("alice", "bob", "carol")


@dataclass(frozen=True)
class Keys:
    folder: Path
    home: Path  # of gpg
    dora: str  # fingerprints there
    eve: str

    def line(self, name: str, options: str = "") -> str:
        kind, blob = (self.folder / f"{name}.pub").read_text().split()[:2]
        return f"{name}@example.org {options + ' ' if options else ''}{kind} {blob}\n"

    def file(self, *lines: str) -> Path:
        path = self.folder / "signers"
        path.write_text("".join(lines))
        return path

    def everybody(self) -> Path:
        return self.file("# who may sign\n", *map(self.line, NAMES), self.certificate(self.dora))

    def certificate(self, fingerprint: str) -> str:
        return self.gpg("--armor", "--export", fingerprint).decode()

    def gpg(self, *words: str, stdin: bytes = b"") -> bytes:
        quiet = ("gpg", "--batch", "-q", "--pinentry-mode", "loopback", "--passphrase", "")
        environment = ENVIRONMENT | {"GNUPGHOME": str(self.home)}
        done = subprocess.run([*quiet, *words], env=environment, input=stdin, capture_output=True, check=True)
        return done.stdout

    def make(self, name: str, use: str = "sign", ends: str = "0") -> str:
        self.gpg("--quick-gen-key", f"{name} <{name}@example.org>", "ed25519", use, ends)
        listed = self.gpg("--with-colons", "-k", name).decode().splitlines()
        return next(line.split(":")[9] for line in listed if line.startswith("fpr"))


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keys]:
    folder = tmp_path_factory.mktemp("k")
    for name, kind in SSH.items():
        subprocess.run(
            ["ssh-keygen", "-q", "-t", kind, "-N", "", "-C", name, "-f", folder / name], check=True
        )
    home = folder / "gpg"
    home.mkdir(mode=0o700)
    empty = Keys(folder, home, "", "")
    dora, eve = empty.make("dora"), empty.make("eve")
    yield Keys(folder, home, dora, eve)
    subprocess.run(["gpgconf", "--kill", "all"], env=ENVIRONMENT | {"GNUPGHOME": str(home)}, check=True)


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    folder = tmp_path / "platform"
    folder.mkdir()
    (folder / "bootstrap.yaml").write_text("kind: Platform\n")
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "first\n\nwith a body")
    return folder


def signing(keys: Keys, who: str) -> tuple[str, ...]:
    if who in SSH:
        return ("-c", "gpg.format=ssh", "-c", f"user.signingkey={keys.folder / who}")
    return ("-c", f"user.signingkey={getattr(keys, who)}!")


def signed(repo: Path, keys: Keys, who: str) -> str:
    words = (*signing(keys, who), "commit", "-q", "--amend", "-S", "--no-edit")
    git(repo, *words, GNUPGHOME=str(keys.home))
    return git(repo, "rev-parse", "HEAD")


def tagged(repo: Path, keys: Keys, who: str, name: str = "v1") -> None:
    git(repo, *signing(keys, who), "tag", "-s", "-m", "release", name, GNUPGHOME=str(keys.home))


def judged(repo: Path, signers: Path, rev: str = "HEAD") -> str:
    return require_signed(open_repository(repo, rev).named, rev, read_signers(signers), "here")


def refused(repo: Path, signers: Path, rev: str = "HEAD") -> BootstrapError:
    with pytest.raises(EvidenceError) as caught:
        judged(repo, signers, rev)
    assert (caught.value.exit_code, bool(caught.value.hint)) == (6, True)
    return caught.value


def fingerprint(keys: Keys, name: str) -> str:
    done = subprocess.run(["ssh-keygen", "-lf", keys.folder / f"{name}.pub"], capture_output=True, check=True)
    return done.stdout.decode().split()[1]


@pytest.mark.parametrize("who", NAMES)
def test_an_ssh_signed_commit_is_known_by_its_signer(repo: Path, keys: Keys, who: str) -> None:
    commit = signed(repo, keys, who)
    said = judged(repo, keys.everybody())
    assert said == f"the commit {commit[:12]} is signed by {who}@example.org ({fingerprint(keys, who)})"
    git(repo, "-c", f"gpg.ssh.allowedSignersFile={keys.everybody()}", "verify-commit", "HEAD")


def test_an_openpgp_signed_commit_is_known_by_its_certificate_by_a_subkey_too(repo: Path, keys: Keys) -> None:
    signed(repo, keys, "dora")
    assert judged(repo, keys.everybody()).endswith(f"is signed by the OpenPGP key {keys.dora}")
    fred = keys.make("fred", "cert")
    keys.gpg("--quick-add-key", fred, "ed25519", "sign", "1y")
    git(
        repo,
        "-c",
        f"user.signingkey={fred}",
        "commit",
        "-q",
        "--amend",
        "-S",
        "--no-edit",
        GNUPGHOME=str(keys.home),
    )
    assert judged(repo, keys.file(keys.certificate(fred))).endswith(fred)


def test_what_nobody_signed_is_refused(repo: Path, keys: Keys) -> None:
    assert refused(repo, keys.everybody()).code == "E_REPO_UNSIGNED"
    git(repo, "tag", "-a", "-m", "x", "v1")
    git(repo, "tag", "light")
    for rev in ("v1", "light", "main", git(repo, "rev-parse", "HEAD")):
        assert refused(repo, keys.everybody(), rev).code == "E_REPO_UNSIGNED"


@pytest.mark.parametrize("who", ["mallory", "eve"])
def test_somebody_else_is_named_by_fingerprint(repo: Path, keys: Keys, who: str) -> None:
    signed(repo, keys, who)
    error = refused(repo, keys.everybody())
    assert error.code == "E_REPO_SIGNER"
    assert (fingerprint(keys, who) if who in SSH else keys.eve) in error.message


@pytest.mark.parametrize("who", ["alice", "bob", "dora"])
def test_no_byte_of_what_was_signed_can_be_changed(repo: Path, keys: Keys, who: str) -> None:
    from dulwich.errors import ObjectFormatException
    from dulwich.objects import Commit, ShaFile

    signed(repo, keys, who)
    named, signers = open_repository(repo).named, read_signers(keys.everybody())
    raw = named.commit.as_raw_string()
    start, end = raw.index(b"gpgsig "), raw.index(b"-----END")
    outside = [at for at in range(len(raw)) if not start - 1 <= at < raw.index(b"\n", end) + 1]
    assert len(outside) > 140
    judged_at_all = 0
    for at in outside:
        try:
            commit = ShaFile.from_raw_string(1, raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :])
        except (ObjectFormatException, ValueError):
            continue  # no commit to dulwich: missing or damaged, to the program
        assert isinstance(commit, Commit)
        judged_at_all += 1
        with pytest.raises(EvidenceError):
            require_signed(Named(commit=commit), "HEAD", signers, "here")
    assert judged_at_all > 100


def rewritten(repo: Path, old: bytes, new: bytes, kind: str = "commit", rev: str = "HEAD") -> str:
    """Another object, as somebody who can write to the repository would put it there."""
    raw = subprocess.run(["git", "-C", repo, "cat-file", kind, rev], capture_output=True, check=True).stdout
    assert old in raw
    words: list[str | Path] = ["git", "-C", repo, "hash-object", "-t", kind, "-w", "--stdin", "--literally"]
    done = subprocess.run(words, input=raw.replace(old, new, 1), capture_output=True, check=True)
    return done.stdout.decode().strip()


@pytest.mark.parametrize("who", ["alice", "dora"])
def test_a_changed_object_in_the_repository_is_refused(repo: Path, keys: Keys, who: str) -> None:
    signed(repo, keys, who)
    for old, new in (
        (b"first", b"worse"),
        (b"author t", b"author u"),
        (b"\ncommitter", b"\nparent " + b"0" * 40 + b"\ncommitter"),
    ):
        error = refused(repo, keys.everybody(), rewritten(repo, old, new))
        assert error.code == "E_REPO_SIGNATURE"
    other = git(repo, "commit-tree", "-m", "x", git(repo, "rev-parse", "HEAD^{tree}"))
    assert refused(repo, keys.everybody(), other).code == "E_REPO_UNSIGNED"


def test_a_signature_that_is_no_whole_one_or_stands_there_twice(repo: Path, keys: Keys) -> None:
    signed(repo, keys, "alice")
    raw = subprocess.run(
        ["git", "-C", repo, "cat-file", "commit", "HEAD"], capture_output=True, check=True
    ).stdout
    header = raw[raw.index(b"gpgsig ") : raw.index(END) + len(END) + 1]
    for old, new in (
        (header, header + header),
        (b"\n U1NIU0", b"\n U1NIV0"),
        (END, b"-----END"),
        (b"\n U1N", b"\n !"),
    ):
        assert refused(repo, keys.everybody(), rewritten(repo, old, new)).code == "E_REPO_SIGNATURE"
    x509 = rewritten(
        repo, header, b"gpgsig -----BEGIN SIGNED MESSAGE-----\n x\n -----END SIGNED MESSAGE-----\n"
    )
    assert refused(repo, keys.everybody(), x509).code == "E_REPO_SIGNER"


def test_a_signature_for_another_purpose_is_none_for_git(repo: Path, keys: Keys) -> None:
    raw = subprocess.run(
        ["git", "-C", repo, "cat-file", "commit", "HEAD"], capture_output=True, check=True
    ).stdout
    for namespace, good in (("file", False), ("git", True)):
        words: list[str | Path] = [
            "ssh-keygen",
            "-q",
            "-Y",
            "sign",
            "-n",
            namespace,
            "-f",
            keys.folder / "alice",
        ]
        armor = subprocess.run(words, input=raw, capture_output=True, check=True).stdout.strip()
        header = b"gpgsig " + armor.replace(b"\n", b"\n ") + b"\n\n"
        commit = rewritten(repo, b"\n\n", b"\n" + header)
        if good:
            assert "alice@example.org" in judged(repo, keys.everybody(), commit)
        else:
            assert refused(repo, keys.everybody(), commit).code == "E_REPO_SIGNATURE"


@pytest.mark.parametrize("who", ["alice", "bob", "dora"])
def test_a_signed_tag_counts_for_what_it_names(repo: Path, keys: Keys, who: str) -> None:
    tagged(repo, keys, who)
    for rev in ("v1", "tags/v1", "refs/tags/v1", git(repo, "rev-parse", "v1")):
        assert judged(repo, keys.everybody(), rev).startswith("the tag v1 is signed by ")
    assert refused(repo, keys.everybody(), "main").code == "E_REPO_UNSIGNED"
    git(repo, "update-ref", "refs/tags/v2", git(repo, "rev-parse", "v1"))
    error = refused(repo, keys.everybody(), "v2")
    assert (error.code, "as the tag v1" in error.message) == ("E_REPO_SIGNATURE", True)
    git(repo, "update-ref", "refs/tags/v1", rewritten(repo, b"release", b"relapse", "tag", "v1"))
    assert refused(repo, keys.everybody(), "v1").code == "E_REPO_SIGNATURE"


def test_of_a_tag_its_own_signature_counts_and_the_commits_does_not(repo: Path, keys: Keys) -> None:
    signed(repo, keys, "mallory")
    tagged(repo, keys, "alice")
    assert judged(repo, keys.everybody(), "v1").startswith("the tag v1 is signed by alice@example.org")
    signed(repo, keys, "alice")
    tagged(repo, keys, "mallory", "v2")
    assert refused(repo, keys.everybody(), "v2").code == "E_REPO_SIGNER"
    assert "the commit" in judged(repo, keys.everybody(), git(repo, "rev-parse", "v2^{commit}"))


def test_a_certificate_counts_as_it_was_when_it_signed_unless_it_is_revoked(repo: Path, keys: Keys) -> None:
    gina = keys.make("gina", "sign", "seconds=2")
    git(
        repo,
        "-c",
        f"user.signingkey={gina}",
        "commit",
        "-q",
        "--amend",
        "-S",
        "--no-edit",
        GNUPGHOME=str(keys.home),
    )
    first = keys.certificate(gina)
    time.sleep(2.1)
    assert judged(repo, keys.file(first)).endswith(gina)  # expired since
    keys.gpg("--quick-set-expire", gina, "2y")
    renewed = keys.certificate(gina)
    assert judged(repo, keys.file(renewed, first)).endswith(gina)
    error = refused(repo, keys.file(renewed))
    assert (error.code, "both exports" in error.hint) == ("E_REPO_SIGNATURE", True)
    revocation = (
        (keys.home / "openpgp-revocs.d" / f"{gina}.rev").read_text().replace(":-----BEGIN", "-----BEGIN")
    )
    keys.gpg("--import", stdin=revocation.encode())
    for pinned in (
        (keys.certificate(gina),),
        (keys.certificate(gina), first),
        (first, keys.certificate(gina)),
    ):
        assert refused(repo, keys.file(*pinned)).code == "E_REPO_SIGNATURE"


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ('namespaces="git"', ""),
        ('namespaces="file,git"', ""),
        ('namespaces="file"', "E_REPO_SIGNER"),
        ('valid-after="20251231Z"', ""),
        ('namespaces="git",valid-after="20251231Z",valid-before="20260102000000Z"', ""),
        ('valid-after="202601010001Z"', "E_REPO_SIGNER"),
        ('valid-before="20260101Z"', ""),
        ('valid-before="202512312359Z"', "E_REPO_SIGNER"),
    ],
)
def test_the_options_of_a_signer_are_those_of_ssh_keygen(
    repo: Path, keys: Keys, options: str, code: str
) -> None:
    signed(repo, keys, "alice")  # committed at 2026-01-01T00:00:00Z
    signers = keys.file(keys.line("alice", options))
    theirs = subprocess.run(
        ["git", "-C", repo, "-c", f"gpg.ssh.allowedSignersFile={signers}", "verify-commit", "HEAD"],
        env=ENVIRONMENT | {"TZ": "UTC"},
        capture_output=True,
    )
    assert (theirs.returncode == 0) is (not code), theirs.stderr
    if code:
        assert refused(repo, signers).code == code
    else:
        assert judged(repo, signers)


def test_a_file_of_signers_that_would_be_misunderstood_is_refused_with_its_line(
    keys: Keys, tmp_path: Path
) -> None:
    good = keys.line("alice")
    for wrong in (
        keys.line("alice", "cert-authority"),
        keys.line("alice", 'valid-after="20260101"'),
        keys.line("alice", "valid-after=20260101Z"),
        keys.line("alice", 'valid-after="20261301Z"'),
        keys.line("alice", "no-touch-required"),
        keys.line("alice", 'namespaces="git'),
        good.replace("ssh-ed25519", "sk-ssh-ed25519@openssh.com"),
        good.replace("AAAA", "AAAB"),
        good.partition(" ")[2],
        "alice\n",
    ):
        with pytest.raises(DefinitionError) as caught:
            read_signers(keys.file("\n# who\n", good, wrong))
        assert (caught.value.code, caught.value.where) == ("E_SIGNERS", f"{keys.folder / 'signers'}:4"), wrong
        assert caught.value.hint
    private = (keys.folder / "alice").read_text()
    torn = keys.certificate(keys.dora).replace("\nm", "\nn", 1)
    for content in ("", "# nobody\n", private, torn):
        with pytest.raises(DefinitionError) as caught:
            read_signers(keys.file(content))
        assert caught.value.code == "E_SIGNERS"
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(DefinitionError) as caught:
            read_signers(path)
        assert caught.value.code == "E_SIGNERS"


@given(data=st.binary(max_size=300))
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_a_signature_or_are_none(data: bytes) -> None:
    for inside in (data, b"SSHSIG\0\0\0\1" + data):
        with contextlib.suppress(ValueError):
            parse(BEGIN + b"\n" + b64encode(inside) + b"\n" + END)
    with contextlib.suppress(ValueError):
        judge(
            b"-----BEGIN PGP SIGNATURE-----\n\n" + b64encode(data) + b"\n-----END PGP SIGNATURE-----\n",
            data,
            (),
        )


def test_an_rsa_signature_with_sha1_does_not_count(repo: Path, keys: Keys) -> None:
    from cryptography.hazmat.primitives.asymmetric import padding, rsa
    from cryptography.hazmat.primitives.hashes import SHA1
    from cryptography.hazmat.primitives.serialization import load_ssh_private_key

    from bootstrap.adapters.git.signature import signatures
    from bootstrap.adapters.ssh.wire import packed

    signed(repo, keys, "bob")
    (one,) = signatures(open_repository(repo).named)
    (signer,) = read_signers(keys.file(keys.line("bob"))).ssh
    good = parse(one.signature)
    assert holds(good, signer, one.payload)
    key = load_ssh_private_key((keys.folder / "bob").read_bytes(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    data = good.signed + packed(hashlib.new(good.digest.decode(), one.payload).digest())
    value = packed(b"ssh-rsa") + packed(key.sign(data, padding.PKCS1v15(), SHA1()))
    blob = b"SSHSIG\0\0\0\1" + packed(good.key) + data[6 : len(good.signed)] + packed(value)
    weak = parse(BEGIN + b"\n" + b64encode(blob) + b"\n" + END)
    assert (weak.algorithm, holds(weak, signer, one.payload)) == (b"ssh-rsa", False)


def test_the_program_says_who_signed_and_stops_where_nobody_did(
    work: Path, keys: Keys, tmp_path: Path
) -> None:
    folder = tmp_path / "platform"
    shutil.copytree(work, folder)
    signers = keys.everybody()
    done = bootstrap("plan", "--repo", folder, "--trusted-signers", signers)
    assert (done.returncode, done.stdout, "[E_REPO_UNSIGNED]" in done.stderr) == (6, "", True)
    assert "W_SIGNER" not in bootstrap("check", "--repo", folder).stdout
    tagged(folder, keys, "carol", "release-1")
    plain = bootstrap("plan", "--repo", folder, "-o", "json")
    done = bootstrap(
        "plan", "--repo", folder, "--rev", "release-1", "--trusted-signers", signers, "-o", "json"
    )
    assert (done.returncode, done.stdout) == (0, plain.stdout)
    assert "the tag release-1 is signed by carol@example.org" in done.stderr
    done = bootstrap("check", "--repo", folder, "--rev", "release-1")
    assert (done.returncode, done.stdout.count("W_SIGNER")) == (0, 1)
    done = bootstrap("check", "--repo", folder, "--rev", "release-1", "--trusted-signers", signers)
    assert (done.returncode, done.stdout.count("W_SIGNER")) == (0, 0)
