"""The one place that builds adapters and hands them to the engine; each is imported when it is needed."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from bootstrap.cli.keygen import ask_passphrase
from bootstrap.cli.options import Options
from bootstrap.engine.loader import load_phases, phase_files
from bootstrap.engine.plan import make_plan
from bootstrap.engine.runner import Runner
from bootstrap.intent.load import load_intent
from bootstrap.model.catalog import Intent
from bootstrap.model.errors import BootstrapError, DefinitionError, PreconditionError
from bootstrap.model.plan import Phase, Plan
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Clock, Cluster, EncryptedFiles, IntentRepository, Narrator, RootKey, RootMaterial
from bootstrap.steps.registry import KINDS, kind_class
from bootstrap.steps.transfers import Transfers
from bootstrap.steps.world import Run, World

if TYPE_CHECKING:
    from bootstrap.adapters.escrow_proof import FreshProcess
    from bootstrap.adapters.git import GitRepository
    from bootstrap.adapters.root import Root


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """What is known before any cluster is asked."""

    repository: IntentRepository
    intent: Intent
    plan: Plan


@cache
def version() -> str:
    return metadata.version("platform-bootstrap")


def phases() -> tuple[Phase, ...]:
    return load_phases(phase_files(), KINDS)


def repository(options: Options) -> "GitRepository":
    from bootstrap.adapters.git import open_repository

    return open_repository(options.repo, options.rev)


def prepare(options: Options) -> Prepared:
    """Repository, intent and plan; raises DefinitionError before anything else is looked at."""
    repo = repository(options)
    intent = load_intent(repo)
    return Prepared(repository=repo, intent=intent, plan=make_plan(phases(), intent, version()))


def root_key(options: Options, repo: IntentRepository) -> "Root | None":
    """The root that was named, or None where none was; asks for its passphrase on the terminal if it may."""
    if not options.root:
        return None
    from bootstrap.adapters.encrypted import declared_recipients
    from bootstrap.adapters.root import open_root

    return open_root(
        options.root,
        _nobody if options.non_interactive else ask_passphrase,
        declared_recipients(repo),
        interactive=not options.non_interactive,
    )


def encrypted_files(repo: IntentRepository, root: RootKey | None) -> EncryptedFiles | None:
    from bootstrap.adapters.encrypted import CommitFiles

    return None if root is None else CommitFiles(repo, root)


def records_folder(options: Options) -> Path:
    """``--records``, or ``records/`` of the work tree. DefinitionError E_RECORDS for a bare repository."""
    if options.records is not None:
        return options.records
    if not (options.repo / ".git").exists():
        raise DefinitionError(
            "a bare repository has no folder for the records",
            code="E_RECORDS",
            where=str(options.repo),
            hint="add --records DIR; what is written there belongs into the repository",
        )
    return options.repo / "records"


@contextmanager
def world(
    options: Options, prepared: Prepared, narrator: Narrator, *, approvals: frozenset[str] = frozenset()
) -> Iterator[World]:
    """Everything a step kind needs; on leaving, the run's Vault token is given back."""
    from bootstrap.adapters.clock import SystemClock
    from bootstrap.adapters.kube import KubeCluster
    from bootstrap.adapters.kube_api import KubeApi
    from bootstrap.adapters.kubeconfig import load_kubeconfig
    from bootstrap.adapters.material import CommitMaterial
    from bootstrap.adapters.portforward import PodDialer
    from bootstrap.adapters.records import FolderRecords
    from bootstrap.adapters.vault import PodVault
    from bootstrap.steps.session import Session

    intent, repo = prepared.intent, prepared.repository
    root = root_key(options, repo)
    files = encrypted_files(repo, root)
    access = load_kubeconfig(options.kubeconfig, options.context)
    cluster, clock = KubeCluster(KubeApi(access)), SystemClock()
    dialer = PodDialer(access, intent.platform.vault.namespace)
    vault = PodVault(dialer, ca_pem=_public(intent, "vault-ca.crt"))
    session = Session(cluster, vault, intent.platform.vault, clock)
    records = records_folder(options)
    material = CommitMaterial(repo, files)
    cluster.version()  # an API server that is away is a precondition: said before anything else is asked
    run = Run(id=secrets.token_hex(6), actor=cluster.whoami())
    try:
        yield World(
            plan=prepared.plan,
            intent=intent,
            cluster=cluster,
            session=session,
            material=material,
            files=files,
            ledger=_ledger(cluster, clock, prepared, run, material),
            records=FolderRecords(records),
            proof=_proof(options, prepared, root, records),
            clock=clock,
            narrator=narrator,
            run=run,
            approvals=approvals,
        )
    finally:
        session.close()


def runner(options: Options, world: World, *, accept_plan_change: bool) -> Runner:
    def earlier(commit: str) -> Plan | None:
        try:
            return prepare(replace(options, rev=commit)).plan
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
    from bootstrap.ledger.record import Run as Writer

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


def _proof(options: Options, prepared: Prepared, root: "Root | None", records: Path) -> "FreshProcess":
    from bootstrap.adapters.escrow_proof import FreshProcess

    def exported() -> Sensitive:
        if root is None:
            raise PreconditionError(
                "the escrow is proved with the root key", code="E_ROOT_NEEDED", hint="add --root file:PATH"
            )
        return root.export()

    assert options.kubeconfig is not None  # the cluster was reached by it
    return FreshProcess(
        repo=options.repo,
        commit=prepared.intent.commit,
        kubeconfig=options.kubeconfig,
        context=options.context,
        records=records,
        root=exported,
    )


def _nobody(_: str) -> None:
    """Nobody may be asked."""
