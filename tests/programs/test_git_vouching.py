"""Which signature vouches for a revision: 480 shapes of tags and commits, with git's own verdict as the oracle (S1)."""

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

import pytest

from bootstrap.adapters.git.allowed_signers import Signers, read_signers
from bootstrap.adapters.git.repository import open_repository
from bootstrap.adapters.git.signature import require_signed
from bootstrap.model.errors import DefinitionError, EvidenceError
from tests.support.git_servers import git

WHO = ("", "alice", "mallory")  # "" signs nothing; mallory is not pinned


@dataclass(frozen=True)
class Shape:
    """An object, and what it is named by; ``chain`` are the ids from the one that is asked for to the commit."""

    rev: str
    chain: tuple[str, ...]
    renamed: bool


@dataclass
class Shapes:
    folder: Path
    keys: Path
    pinned: Path
    good: set[str] = field(default_factory=set)  # by git's verdict
    made: list[Shape] = field(default_factory=list)

    def signing(self, who: str) -> tuple[str, ...]:
        return ("-c", "gpg.format=ssh", "-c", f"user.signingkey={self.keys / (who or 'alice')}")

    def commit(self, who: str, number: int) -> str:
        sign = ("-S",) if who else ()
        git(self.folder, *self.signing(who), "commit", "-q", "--allow-empty", *sign, "-m", f"{who} {number}")
        return self.verified("commit", git(self.folder, "rev-parse", "HEAD"))

    def tag(self, who: str, name: str, target: str) -> str:
        sign = "-s" if who else "-a"
        git(self.folder, *self.signing(who), "tag", sign, "-m", "x", name, target)
        return self.verified("tag", git(self.folder, "rev-parse", name))

    def verified(self, kind: str, sha: str) -> str:
        words = ("-c", "gpg.format=ssh", "-c", f"gpg.ssh.allowedSignersFile={self.pinned}")
        command = ["git", "-C", str(self.folder), *words, f"verify-{kind}", sha]
        if subprocess.run(command, capture_output=True).returncode == 0:
            self.good.add(sha)
        return sha

    def ref(self, name: str, sha: str) -> None:
        """As a server may have it, whatever `git` would make."""
        path = self.folder / ".git" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{sha}\n")


def all_shapes(made: Shapes) -> None:
    number = 0
    for who in WHO:
        commit = made.commit(who, number)
        made.ref(f"refs/heads/of-{who}-x", commit)
        made.ref(f"refs/tags/light-{who}-x", commit)
        made.made += [
            Shape(r, (commit,), False) for r in (commit, commit[:12], f"of-{who}-x", f"light-{who}-x")
        ]
        for signers in (chain for size in (1, 2, 3) for chain in product(WHO, repeat=size)):
            chain: tuple[str, ...] = (commit,)
            for signer in signers:
                number += 1
                chain = (made.tag(signer, f"v{number}-x", chain[0]), *chain)
            name = f"v{number}-x"
            made.ref(f"refs/tags/other-{number}-x", chain[0])
            made.ref(f"refs/heads/branch-{number}-x", chain[0])
            forms = {name: False, chain[0]: False, f"other-{number}-x": True, f"branch-{number}-x": True}
            made.made += [Shape(rev, chain, renamed) for rev, renamed in forms.items()]


@pytest.fixture(scope="module")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shapes]:
    folder = tmp_path_factory.mktemp("vouching")
    for name in ("alice", "mallory"):
        words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)]
        subprocess.run(words, check=True)
    pinned = folder / "signers"
    pinned.write_text(f"alice@example.org {(folder / 'alice.pub').read_text()}")
    git(folder, "init", "-q", "-b", "main", "r")
    made = Shapes(folder / "r", folder, pinned)
    all_shapes(made)
    yield made


def vouched(made: Shapes, rev: str, signers: Signers) -> bool:
    try:
        require_signed(open_repository(made.folder, rev).named, rev, signers, "here")
    except EvidenceError:
        return False
    return True


def test_s1_a_revision_is_vouched_for_as_git_verifies_each_tag_on_the_way(shapes: Shapes) -> None:
    signers = read_signers(shapes.pinned)
    assert len(shapes.made) == 480
    wrong, good = [], 0
    for shape in shapes.made:
        tags = shape.chain[:-1]
        expected = all(sha in shapes.good for sha in tags or shape.chain) and not shape.renamed
        found = vouched(shapes, shape.rev, signers)
        good += found
        if found != expected:
            wrong.append((shape, expected))
    assert wrong == []
    assert 5 < good < len(shapes.made) / 2


def test_s1_an_unsigned_tag_on_a_signed_one_vouches_for_nothing(shapes: Shapes) -> None:
    old = shapes.tag("alice", "release-1", "HEAD")
    shapes.tag("", "release-9", old)
    with pytest.raises(EvidenceError) as refused:
        require_signed(
            open_repository(shapes.folder, "release-9").named,
            "release-9",
            read_signers(shapes.pinned),
            "here",
        )
    assert (refused.value.code, "release-9" in refused.value.message) == ("E_REPO_UNSIGNED", True)


@pytest.mark.parametrize("kind", ["heads", "tags", "remotes"])
@pytest.mark.parametrize("digits", [4, 7, 12, 39])
@pytest.mark.parametrize("upper", [False, True])
def test_s1_a_ref_named_as_a_hash_is_refused(shapes: Shapes, kind: str, digits: int, upper: bool) -> None:
    """Whoever may push could name it as the hash that somebody else gives."""
    wanted, other = git(shapes.folder, "rev-parse", "HEAD"), git(shapes.folder, "rev-parse", "HEAD~1")
    name = wanted[:digits].upper() if upper else wanted[:digits]
    shapes.ref(f"refs/{kind}/{name}", other)
    try:
        with pytest.raises(DefinitionError) as refused:
            open_repository(shapes.folder, name)
        assert (refused.value.code, f"refs/{kind}/{name}" in refused.value.hint) == ("E_REPO_REV", True)
        assert open_repository(shapes.folder, f"refs/{kind}/{name}").commit == other
        assert open_repository(shapes.folder, wanted).commit == wanted
    finally:
        (shapes.folder / ".git/refs" / kind / name).unlink()


def test_a_full_hash_is_never_beaten(shapes: Shapes) -> None:
    wanted, other = git(shapes.folder, "rev-parse", "HEAD"), git(shapes.folder, "rev-parse", "HEAD~1")
    shapes.ref(f"refs/tags/{wanted}", other)
    assert open_repository(shapes.folder, wanted).commit == wanted
    (shapes.folder / ".git/refs/tags" / wanted).unlink()
