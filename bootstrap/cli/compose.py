"""The one place that builds adapters and hands them to the engine; each is imported when it is needed."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache, partial
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from bootstrap.cli import terminal
from bootstrap.cli.options import Options
from bootstrap.cli.prompt import ask_passphrase
from bootstrap.engine.loader import load_phases, phase_files
from bootstrap.engine.plan import make_plan
from bootstrap.engine.runner import Runner
from bootstrap.intent.load import load_intent
from bootstrap.model.catalog import Intent
from bootstrap.model.errors import BootstrapError, DefinitionError, PreconditionError
from bootstrap.model.plan import Phase, Plan
from bootstrap.model.sensitive import Sensitive
from bootstrap.model.suggest import closest
from bootstrap.ports import (
    Cluster,
    GuardedFiles,
    IntentRepository,
    Narrator,
    Records,
    RootKey,
    RootMaterial,
)
from bootstrap.steps.context.transfers import Transfers
from bootstrap.steps.context.world import Run, World
from bootstrap.steps.registry import KINDS, kind_class

if TYPE_CHECKING:
    from bootstrap.adapters.git.access import GitAccess
    from bootstrap.adapters.git.location import Location
    from bootstrap.adapters.git.repository import GitRepository
    from bootstrap.adapters.local.programs import AskPassphrase
    from bootstrap.adapters.records.escrow_proof import FreshProcess
    from bootstrap.adapters.root.root_key import Root
    from bootstrap.steps.context.look import Look, SharedCluster
    from bootstrap.steps.context.session import Session
    from bootstrap.steps.context.source import SnapshotSource


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """What is known before any cluster is asked."""

    repository: "GitRepository"
    access: "GitAccess"
    intent: Intent
    plan: Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Unlocked:
    """What the root key opens, before any cluster is asked. ``source``: a snapshot that was judged."""

    root: "Root | None"
    files: GuardedFiles | None
    material: RootMaterial
    source: "SnapshotSource | None"
    rehearsed: bool


@cache
def version() -> str:
    return metadata.version("platform-bootstrap")


def phases() -> tuple[Phase, ...]:
    return load_phases(phase_files(), KINDS)


def repository(options: Options, *, history: bool = False) -> "GitRepository":
    """The commit that was named, from wherever it lies; with ``history`` what it rests on too."""
    return _opened(options, git_access(options), history=history)


def git_access(options: Options) -> "GitAccess":
    """What a remote repository is reached with, opened in memory; nothing is read for a folder."""
    from bootstrap.adapters.git.access import GitAccess, open_key, open_token

    if _location(options).folder is not None:
        return GitAccess()
    return GitAccess(
        key=open_key(options.git_key, _asks(options)) if options.git_key else None,
        token=open_token(options.git_token) if options.git_token else None,
        known_hosts=options.git_known_hosts,
        ca=options.git_ca,
        proxy=options.proxy,
    )


def work_tree(repo: str) -> Path:
    """The folder that a command writes to. DefinitionError E_REPO_LOCAL for a repository elsewhere or without a work
    tree; E_REPO_MISSING, E_REPO_KIND."""
    from bootstrap.adapters.git.location import parse_location
    from bootstrap.adapters.git.repository import opened

    location = parse_location(repo)
    if location.folder is not None:
        opened(location.folder, location.shown)
    if location.folder is None or not _has_work_tree(location.folder):
        raise DefinitionError(
            "this command writes into a work tree, and the repository "
            + ("lies elsewhere" if location.folder is None else "has none: it is a bare one"),
            code="E_REPO_LOCAL",
            where=location.shown,
            hint="clone it, and give the folder: --repo PATH",
        )
    return location.folder


def _has_work_tree(folder: Path) -> bool:
    return (folder / ".git").exists()


def _location(options: Options) -> "Location":
    from bootstrap.adapters.git.location import parse_location

    return parse_location(options.repo)


def _opened(options: Options, access: "GitAccess", *, history: bool) -> "GitRepository":
    """Signed by a pinned signer where signers were named; the signer is named on stderr."""
    from bootstrap.adapters.git.repository import open_repository

    location = _location(options)
    if location.folder is not None:
        found = open_repository(location.folder, options.rev)
    else:
        from bootstrap.adapters.git.remote import open_remote

        found = open_remote(location, options.rev, access, history=history)
    if options.trusted_signers is not None:
        from bootstrap.adapters.git.allowed_signers import read_signers
        from bootstrap.adapters.git.signature import require_signed

        signers = read_signers(options.trusted_signers)
        terminal.err(require_signed(found.named, options.rev, signers, found.location))
    return found


def prepare(options: Options) -> Prepared:
    """Repository, intent and plan; raises DefinitionError before anything else is looked at."""
    return _prepared(options, git_access(options))


def _prepared(options: Options, access: "GitAccess") -> Prepared:
    repo = _opened(options, access, history=False)
    intent = load_intent(repo)
    _known_environment(options.environment, intent)
    plan = make_plan(phases(), intent, version(), options.environment)
    return Prepared(repository=repo, access=access, intent=intent, plan=plan)


def with_intent(options: Options, prepared: Prepared, intent: Intent) -> Prepared:
    """The same commit, of which something else is made; its plan is another one."""
    return replace(prepared, intent=intent, plan=make_plan(phases(), intent, version(), options.environment))


def _known_environment(name: str, intent: Intent) -> None:
    """DefinitionError E_ENVIRONMENT for one that ``bootstrap.yaml`` does not declare."""
    declared = intent.platform.environments
    if name and name not in declared:
        near = closest(name, declared)
        hint = f"did you mean {near}?" if near else "spec.environments of bootstrap.yaml names them"
        raise DefinitionError(
            f"there is no environment {name!r}; declared: {', '.join(declared) or 'none'}",
            code="E_ENVIRONMENT",
            where=intent.platform.where,
            hint=hint,
        )


def root_key(options: Options, repo: IntentRepository) -> "Root | None":
    """The root that was named, or None where none was; asks for its passphrase on the terminal if it may."""
    if not options.root:
        return None
    from bootstrap.adapters.root.root_key import open_root
    from bootstrap.adapters.sops.commit_files import declared_recipients

    return open_root(
        options.root,
        _asks(options),
        declared_recipients(repo),
        interactive=not options.non_interactive,
    )


def encrypted_files(repo: IntentRepository, root: RootKey | None) -> GuardedFiles | None:
    from bootstrap.adapters.sops.commit_files import CommitFiles

    return None if root is None else CommitFiles(repo, root)


def records_folder(options: Options) -> Path | None:
    """``--records``, or ``records/`` of the work tree; None where there is neither."""
    folder = _location(options).folder
    if options.records is not None or folder is None or not _has_work_tree(folder):
        return options.records
    return folder / "records"


def need_records(options: Options) -> None:
    """For a command that writes records. DefinitionError E_RECORDS where there is no folder for them."""
    from bootstrap.adapters.records.commit import no_folder

    if records_folder(options) is None:
        raise no_folder(_location(options).shown)


def records(options: Options, repo: IntentRepository) -> Records:
    from bootstrap.adapters.records.commit import CommitRecords
    from bootstrap.adapters.records.folder import FolderRecords

    folder = records_folder(options)
    return CommitRecords(repo) if folder is None else FolderRecords(folder)


def unlock(
    options: Options, prepared: Prepared, *, restore: Path | None = None, rehearsed: bool = False
) -> Unlocked:
    """``restore`` is a snapshot, which is judged here; ``rehearsed``: for a drill, so that nothing reaches out."""
    from bootstrap.adapters.root.root_material import CommitMaterial

    root = root_key(options, prepared.repository)
    files = encrypted_files(prepared.repository, root)
    material = CommitMaterial(prepared.repository, files)
    source = _source(restore, options, prepared, root, material, rehearsed) if restore else None
    return Unlocked(root=root, files=files, material=material, source=source, rehearsed=rehearsed)


@contextmanager
def world(
    options: Options,
    prepared: Prepared,
    narrator: Narrator,
    *,
    approvals: frozenset[str] = frozenset(),
    restore: Path | None = None,
    unlocked: Unlocked | None = None,
) -> Iterator[World]:
    """Everything a step kind needs; on leaving, the run's Vault token is given back. ``restore`` is a snapshot, which
    is judged before the cluster is asked anything; ``unlocked``: where that was done before."""
    from bootstrap.adapters.kubernetes.api import KubeApi
    from bootstrap.adapters.kubernetes.cluster import KubeCluster
    from bootstrap.adapters.kubernetes.kubeconfig import load_kubeconfig
    from bootstrap.adapters.kubernetes.portforward import PodDialer
    from bootstrap.adapters.local.clock import SystemClock
    from bootstrap.adapters.vault.certificates import X509Certificates
    from bootstrap.adapters.vault.client import PodVault
    from bootstrap.steps.context.look import Look, SharedCluster
    from bootstrap.steps.context.session import Session

    intent, repo = prepared.intent, prepared.repository
    ours = unlocked or unlock(options, prepared, restore=restore)
    access = load_kubeconfig(options.kubeconfig, options.context)
    direct, clock, look = KubeCluster(KubeApi(access)), SystemClock(), Look()
    cluster = _inward(direct, look) if ours.rehearsed else SharedCluster(direct, look)
    dialer = PodDialer(access, intent.platform.vault.namespace)
    vault = PodVault(dialer, ca_pem=_public(intent, "vault-ca.crt"))
    session = Session(direct, vault, intent.platform.vault, clock, look)
    cluster.version()  # an API server that is away is a precondition: reported before anything else is asked
    run = Run(id=secrets.token_hex(6), actor=cluster.identity().user)
    proof = _proof(options, prepared, ours.root)
    try:
        yield World(
            plan=prepared.plan,
            intent=intent,
            cluster=cluster,
            direct=direct,
            look=look,
            session=session,
            material=ours.material,
            certificates=X509Certificates(),
            files=ours.files,
            ledger=_ledger(session, cluster, prepared, run, ours),
            records=records(options, repo),
            proof=proof,
            clock=clock,
            narrator=narrator,
            run=run,
            approvals=approvals,
            restore=ours.source,
        )
    finally:
        proof.close()
        session.close()


def runner(options: Options, prepared: Prepared, world: World, *, accept_plan_change: bool) -> Runner:
    def earlier(commit: str) -> Plan | None:
        try:
            return _prepared(replace(options, rev=commit), prepared.access).plan
        except BootstrapError:  # not there, or not what this version takes: it is only shown
            return None

    return Runner(world.plan, world, kind_class, accept_plan_change=accept_plan_change, earlier=earlier)


def _public(intent: Intent, name: str) -> bytes:
    """A public half below ``keys/``; DefinitionError E_FILE_MISSING."""
    if name not in intent.keys:
        raise DefinitionError(
            f"the commit has no keys/{name}",
            code="E_FILE_MISSING",
            where=f"keys/{name}",
            hint="bootstrap keygen",
        )
    return intent.keys[name]


def _ledger(
    session: "Session", cluster: Cluster, prepared: Prepared, run: Run, unlocked: Unlocked
) -> Transfers:
    from bootstrap.ledger.record import Writer
    from bootstrap.steps.vault.transit import TransitSigner

    def writer() -> Writer:
        return Writer(
            cluster=cluster.uid(),
            run_id=run.id,
            epoch=run.epoch,
            tool=version(),
            plan_digest=prepared.plan.digest,
            actor=run.actor,
        )

    key, vault = _public(prepared.intent, "ledger.pub"), partial(TransitSigner, session)
    transfers = Transfers(cluster, key, unlocked.material, session.clock, writer, vault)
    if unlocked.source is not None:
        transfers.seen(unlocked.source.ledger)
    return transfers


def _inward(direct: Cluster, look: "Look") -> "SharedCluster":
    from bootstrap.operations.drill.inward import InwardCluster

    return InwardCluster(direct, look)


def _source(
    path: Path,
    options: Options,
    prepared: Prepared,
    root: "Root | None",
    material: RootMaterial,
    rehearsed: bool,
) -> "SnapshotSource":
    from bootstrap.operations.restore.source import source_of
    from bootstrap.operations.snapshot.judge import Trust

    if root is None:
        raise PreconditionError(
            "a snapshot is opened with the root key",
            code="E_ROOT_NEEDED",
            where=str(path),
            hint="add --root file:PATH",
        )
    trust = Trust(root=root, material=material, keys=prepared.intent.keys)
    return source_of(path, options.environment, trust, rehearsed=rehearsed)


def _proof(options: Options, prepared: Prepared, root: "Root | None") -> "FreshProcess":
    from bootstrap.adapters.records.escrow_proof import FreshProcess

    def exported() -> Sensitive:
        if root is None:
            raise PreconditionError(
                "the escrow is proved with the root key", code="E_ROOT_NEEDED", hint="add --root file:PATH"
            )
        return root.export()

    assert options.kubeconfig is not None  # the cluster was reached by it
    return FreshProcess(
        repo=_location(options).text,
        commit=prepared.repository.named.id,
        signers=options.trusted_signers,
        git=prepared.access,
        kubeconfig=options.kubeconfig,
        context=options.context,
        records=records_folder(options),
        root=exported,
    )


def _asks(options: Options) -> "AskPassphrase":
    from bootstrap.adapters.local.programs import ask_never

    return ask_never if options.non_interactive else ask_passphrase
