"""One commit of a remote repository, fetched into memory: nothing of it is ever on this machine's disk (B1).

The server's refs say what a revision is; what was fetched is then read like any other repository, each object's id
computed from its bytes. The history stays where it is unless it is asked for, or a hash has to be looked up in it.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Final

from bootstrap.adapters.git.access import GitAccess
from bootstrap.adapters.git.https import https_client
from bootstrap.adapters.git.limits import Meter
from bootstrap.adapters.git.location import Location, Transport
from bootstrap.adapters.git.pack import broken, unpack
from bootstrap.adapters.git.repository import GitRepository, named, ref_names
from bootstrap.adapters.git.ssh import ssh_client
from bootstrap.adapters.git.stored import may_be_hash
from bootstrap.model.errors import DefinitionError

if TYPE_CHECKING:
    from dulwich.client import GitClient
    from dulwich.objects import ObjectID
    from dulwich.refs import Ref
    from dulwich.repo import MemoryRepo

OFFERED: Final = (b"refs/heads/", b"refs/tags/")  # what a hash can be reached from
PROTOCOL: Final = 0  # the oldest: a server can neither name other places in it nor objects beyond its refs


def open_remote(location: Location, rev: str, access: GitAccess, *, history: bool = False) -> GitRepository:
    """The commit that ``rev`` names on the server; with ``history`` also what it rests on.

    Raises DefinitionError E_REPO_REV, E_PATH_ESCAPE, E_PATH_CHARS; PreconditionError E_GIT_... as the transports,
    E_GIT_SIZE, E_GIT_PROTOCOL.
    """
    meter = Meter(location.shown)
    with _client(location, access, meter) as client:
        repo = _Fetch(client, location).repository(rev, history=history)
    return GitRepository(repo, named(repo, rev, location.shown), location.shown)


def _client(location: Location, access: GitAccess, meter: Meter) -> AbstractContextManager["GitClient"]:
    make = https_client if location.kind is Transport.HTTPS else ssh_client
    return make(location, access, meter)


class _Fetch:
    def __init__(self, client: "GitClient", location: Location) -> None:
        self._client = client
        self._where = location.shown
        self._path = location.path if location.kind is Transport.SSH else ""

    def repository(self, rev: str, *, history: bool) -> "MemoryRepo":
        """One tip by itself, or everything where ``rev`` is a hash that no ref names now."""
        refs, pack = self._fetch(lambda refs: tip(refs, rev), None if history else 1)
        if not pack and may_be_hash(rev):
            refs, pack = self._fetch(_offered, None)
        return _in_memory(refs, pack, self._where)

    def _fetch(
        self, choose: Callable[[Mapping[bytes, bytes]], Sequence[bytes]], depth: int | None
    ) -> tuple[Mapping[bytes, bytes], bytes]:
        """The server's refs, and the pack of those that were chosen; empty where none was."""
        from dulwich.errors import GitProtocolError
        from dulwich.repo import MemoryRepo

        pack = bytearray()

        def wants(refs: "Mapping[Ref, ObjectID]", depth: int | None = None) -> "list[ObjectID]":  # noqa: ARG001  # dulwich's
            if getattr(self._client, "dumb", False):  # plain files, which would be walked one by one
                raise broken(self._where)
            return [_id(sha) for sha in choose(dict(refs.items()))]

        def take(data: bytes) -> int:
            pack.extend(data)
            return len(data)

        walker = MemoryRepo().get_graph_walker()
        try:
            result = self._client.fetch_pack(
                self._path, wants, walker, take, depth=depth, protocol_version=PROTOCOL
            )
        except GitProtocolError as error:
            if depth is None or "support shallow" not in str(
                error
            ):  # dulwich's words, before anything is asked
                raise
            return self._fetch(choose, None)
        return {name: sha for name, sha in result.refs.items() if sha}, bytes(pack)


def tip(refs: Mapping[bytes, bytes], rev: str) -> Sequence[bytes]:
    """The id that the server has for ``rev``: a ref's name, or a full hash that a ref names now."""
    found = next((refs[name] for name in ref_names(rev) if name in refs), None)
    if found is None and rev.lower().encode() in refs.values():
        found = rev.lower().encode()
    return [] if found is None else [found]


def _offered(refs: Mapping[bytes, bytes]) -> Sequence[bytes]:
    return sorted({sha for name, sha in refs.items() if name.startswith(OFFERED)})


def _in_memory(refs: Mapping[bytes, bytes], pack: bytes, where: str) -> "MemoryRepo":
    from dulwich.refs import Ref, check_ref_format
    from dulwich.repo import MemoryRepo

    if any(len(sha) != 40 for sha in refs.values()):
        raise DefinitionError(
            "the repository names its objects by SHA-256, which is not read",
            code="E_REPO_KIND",
            where=where,
            hint="git init --object-format=sha1",
        )
    repo = MemoryRepo()
    for found in unpack(pack, where) if pack else ():
        repo.object_store.add_object(found)
    for name, sha in refs.items():
        if name == b"HEAD" or check_ref_format(Ref(name)):
            repo.refs[Ref(name)] = _id(sha)
    return repo


def _id(sha: bytes) -> "ObjectID":
    from dulwich.objects import ObjectID

    return ObjectID(sha)
