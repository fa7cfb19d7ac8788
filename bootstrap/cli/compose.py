"""The one place that builds adapters and hands them to the engine; each is imported when it is needed."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
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
    Clock,
    Cluster,
    EncryptedFiles,
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """What is known before any cluster is asked."""

    repository: "GitRepository"
    access: "GitAccess"
    intent: Intent
    plan: Plan


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
    """The folder that a command writes to. DefinitionError E_REPO_LOCAL for a repository elsewhere."""
    from bootstrap.adapters.git.location import parse_location

    location = parse_location(repo)
    if location.folder is None:
        raise DefinitionError(
            "this command writes into a work tree, and the repository lies elsewhere",
            code="E_REPO_LOCAL",
            where=location.shown,
            hint="clone it, and give the folder: --repo PATH",
        )
    return location.folder


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


def encrypted_files(repo: IntentRepository, root: RootKey | None) -> EncryptedFiles | None:
    from bootstrap.adapters.sops.commit_files import CommitFiles

    return None if root is None else CommitFiles(repo, root)


def records_folder(options: Options) -> Path | None:
    """``--records``, or ``records/`` of the work tree; None where there is neither."""
    folder = _location(options).folder
    if options.records is not None or folder is None or not (folder / ".git").exists():
        return options.records
    return folder / "records"


def need_records(options: Options) -> None:
    """For a command that writes records. DefinitionError E_RECORDS where there is no folder for them."""
    from bootstrap.adapters.records.commit import no_folder

    if records_folder(options) is None:
        raise no_folder(_location(options).shown)


def _records(options: Options, repo: IntentRepository) -> Records:
    from bootstrap.adapters.records.commit import CommitRecords
    from bootstrap.adapters.records.folder import FolderRecords

    folder = records_folder(options)
    return CommitRecords(repo) if folder is None else FolderRecords(folder)


@contextmanager
def world(
    options: Options, prepared: Prepared, narrator: Narrator, *, approvals: frozenset[str] = frozenset()
) -> Iterator[World]:
    """Everything a step kind needs; on leaving, the run's Vault token is given back."""
    from bootstrap.adapters.kubernetes.api import KubeApi
    from bootstrap.adapters.kubernetes.cluster import KubeCluster
    from bootstrap.adapters.kubernetes.kubeconfig import load_kubeconfig
    from bootstrap.adapters.kubernetes.portforward import PodDialer
    from bootstrap.adapters.local.clock import SystemClock
    from bootstrap.adapters.root.root_material import CommitMaterial
    from bootstrap.adapters.vault.client import PodVault
    from bootstrap.steps.context.session import Session

    intent, repo = prepared.intent, prepared.repository
    root = root_key(options, repo)
    files = encrypted_files(repo, root)
    access = load_kubeconfig(options.kubeconfig, options.context)
    cluster, clock = KubeCluster(KubeApi(access)), SystemClock()
    dialer = PodDialer(access, intent.platform.vault.namespace)
    vault = PodVault(dialer, ca_pem=_public(intent, "vault-ca.crt"))
    session = Session(cluster, vault, intent.platform.vault, clock)
    records = _records(options, repo)
    material = CommitMaterial(repo, files)
    cluster.version()  # an API server that is away is a precondition: reported before anything else is asked
    run = Run(id=secrets.token_hex(6), actor=cluster.identity().user)
    try:
        yield World(
            plan=prepared.plan,
            intent=intent,
            cluster=cluster,
            session=session,
            material=material,
            files=files,
            ledger=_ledger(cluster, clock, prepared, run, material),
            records=records,
            proof=_proof(options, prepared, root),
            clock=clock,
            narrator=narrator,
            run=run,
            approvals=approvals,
        )
    finally:
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
    cluster: Cluster, clock: Clock, prepared: Prepared, run: Run, material: RootMaterial
) -> Transfers:
    from bootstrap.ledger.record import Writer

    def writer() -> Writer:
        return Writer(
            cluster=cluster.uid(),
            run_id=run.id,
            epoch=run.epoch,
            tool=version(),
            plan_digest=prepared.plan.digest,
            actor=run.actor,
        )

    return Transfers(cluster, _public(prepared.intent, "ledger.pub"), material, clock, writer)


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
