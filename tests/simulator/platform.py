"""A whole platform in memory: the scaffolded repository, a simulated cluster and Vault, and `up` on them.

Everything but the two remote systems is the real thing: Git, age, SOPS, OpenPGP, engine, steps, ledger.

    platform = SimulatedPlatform(tmp_path)
    platform.up()                       # as from a new process: nothing is kept between two calls
    platform.vault.lose_next_answer = True
"""

import atexit
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

from bootstrap.adapters.git.create import create_repository
from bootstrap.adapters.git.repository import open_repository
from bootstrap.adapters.records.folder import FolderRecords
from bootstrap.adapters.root.holders import holders, new_root, read_holders
from bootstrap.adapters.root.root_key import parse_root
from bootstrap.adapters.root.root_material import CommitMaterial
from bootstrap.adapters.sops.commit_files import CommitFiles
from bootstrap.adapters.vault.certificates import X509Certificates
from bootstrap.cli import compose
from bootstrap.engine.plan import make_plan
from bootstrap.engine.result import Result
from bootstrap.engine.runner import Runner
from bootstrap.intent.load import load_intent
from bootstrap.ledger.record import Writer
from bootstrap.model.catalog import Intent
from bootstrap.model.plan import Plan
from bootstrap.model.sensitive import Sensitive
from bootstrap.operations.init_repository import Manifests, write_repository
from bootstrap.operations.keygen import write_keyset
from bootstrap.operations.records import write_records
from bootstrap.operations.restore.source import source_of
from bootstrap.operations.snapshot.judge import Trust
from bootstrap.steps.context.look import Look, SharedCluster
from bootstrap.steps.context.session import Session
from bootstrap.steps.context.source import SnapshotSource
from bootstrap.steps.context.transfers import Transfers
from bootstrap.steps.context.world import Run, World
from bootstrap.steps.registry import kind_class
from bootstrap.steps.vault.escrow import prove_escrow, prove_following
from bootstrap.steps.vault.transit import TransitSigner
from tests.simulator.cluster import SimulatedCluster
from tests.simulator.controllers import ExternalSecrets, admission, definitions, deployments, stateful_sets
from tests.simulator.narrator import Remembered
from tests.simulator.repeatable import repeatable
from tests.simulator.vault import SimulatedVault
from tests.support.simulated_clock import SimulatedClock

CRD = b"""\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: externalsecrets.external-secrets.io}
spec: {group: external-secrets.io, names: {kind: ExternalSecret}, versions: [{name: v1, served: true, storage: true}]}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: passwords.generators.external-secrets.io}
spec:
  group: generators.external-secrets.io
  names: {kind: Password}
  versions: [{name: v1alpha1, served: true, storage: true}]
"""


SNAPSHOTS = f"""\
  snapshots:
    schedule: "*/10 * * * *"
    keep: 3
    image: bootstrap.test/bootstrap:0.1.0@sha256:{"a" * 64}
    where: {{pvc: {{size: 1Gi}}}}
"""


class SameProcess:
    """The escrow's proof without a second process; the crash tests count its calls like any other's."""

    def __init__(self, world: "World") -> None:
        self._world = world

    def begin(self, cluster: str) -> None:
        pass

    def prove(self, cluster: str) -> dict[str, str]:
        return prove_escrow(self._world, cluster)

    def prove_following(self, cluster: str) -> dict[str, str]:
        return prove_following(self._world, cluster)


def scaffolded(folder: Path, more: Callable[[Path, tuple[str, ...]], None] | None = None) -> Path:
    """A committed intent repository in ``folder``/platform, its root in ``folder``/root.key.

    Made once in a process, with its keys; each one is a copy. ``more`` makes one of its own, and writes further
    files into it, given the recipients of what is encrypted.
    """
    if more is None:
        shutil.copytree(made_once(), folder, dirs_exist_ok=True)
    else:
        _make(folder, more)
    return folder / "platform"


def with_snapshots(folder: Path, _recipients: tuple[str, ...] = ()) -> None:
    """For ``scaffolded``: the cluster saves snapshots of itself."""
    path = folder / "bootstrap.yaml"
    path.write_text(path.read_text() + SNAPSHOTS)


@cache
def made_once() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="bootstrap-intent-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    _make(folder, lambda *_: None)
    return folder


def _make(folder: Path, more: Callable[[Path, tuple[str, ...]], None]) -> None:
    root = new_root(gpg=False)
    write_keyset(folder, root, holders(root, ()), None)
    crds = folder / "crds.yaml"
    crds.write_bytes(CRD)
    target = folder / "platform"
    target.mkdir()
    write_repository(target, "platform", folder, "../root.key", Manifests(crds))
    more(target, read_holders(folder).recipients)
    create_repository(target, "Scaffold the platform's intent")


@dataclass(frozen=True)
class Commit:
    """What depends on the commit and the root alone, opened once and shared by every world of this process."""

    intent: Intent
    plan: Plan
    files: CommitFiles
    material: CommitMaterial


@cache
def opened(repository: Path) -> Commit:
    repo = open_repository(repository, "HEAD")
    intent = load_intent(repo)
    key = Sensitive((repository.parent / "root.key").read_bytes(), "root key")
    files = CommitFiles(repo, parse_root(key, lambda _: None))
    return Commit(intent, make_plan(compose.phases(), intent, "0.1.0"), files, CommitMaterial(repo, files))


def trust(repository: Path) -> Trust:
    commit = opened(repository)
    key = Sensitive((repository.parent / "root.key").read_bytes(), "root key")
    return Trust(root=parse_root(key, lambda _: None), material=commit.material, keys=commit.intent.keys)


@cache
def source(repository: Path, file: Path, environment: str) -> SnapshotSource:
    """A snapshot file as `up --restore` opens it; once in a process."""
    return source_of(file, environment, trust(repository))


class SimulatedPlatform:
    """``processes`` counts the runs: each has a name of its own, as each process has."""

    def __init__(self, folder: Path, repository: Path | None = None) -> None:
        self.folder = folder
        self.repository = repository or scaffolded(folder)
        self.cluster = SimulatedCluster()
        self.vault = SimulatedVault(self.cluster)
        self.records = folder / "records"
        self.narrator = Remembered()
        self.processes = 0
        self.heads: dict[str, bytes] = {}  # below records/ of the commit, by cluster
        self.escrows: dict[str, bytes] = {}
        self.trusts = False  # whether the certificates that Vault serves are looked at
        self.environment = ""  # what --environment names
        self.restore: Path | None = None  # what --restore names
        self.approved: tuple[str, ...] = ()  # what --approve names, each time
        self.cluster.controllers += [stateful_sets, deployments, definitions, ExternalSecrets(self.vault)]
        admission(self.cluster)
        self.cluster.create(
            {
                "apiVersion": "storage.k8s.io/v1",
                "kind": "StorageClass",
                "metadata": {
                    "name": "standard",
                    "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
                },
            }
        )
        self.cluster.mutations.clear()

    def world(
        self,
        *,
        cluster: Any = None,
        vault: Any = None,
        records: Any = None,
        clock: Any = None,
        approve: tuple[str, ...] = (),
    ) -> World:
        """The world of a new process; each port may be given instead of the simulated one."""
        direct, vault, look = cluster or self.cluster, vault or self.vault, Look()
        cluster = SharedCluster(direct, look)
        commit = opened(self.repository)
        intent, plan, material = commit.intent, commit.plan, commit.material
        if self.heads or self.escrows:
            intent = replace(intent, heads=self.heads, escrows=self.escrows)
        if self.environment:
            plan = make_plan(compose.phases(), intent, "0.1.0", self.environment)
        if self.trusts:
            self.vault.trusted = intent.keys["vault-ca.crt"]
        clock = clock or SimulatedClock()
        self.processes += 1
        run = Run(id=f"run-{self.processes}", actor=f"operator {self.processes}")

        def writer() -> Writer:
            return Writer(
                cluster=cluster.uid(),
                run_id=run.id,
                epoch=run.epoch,
                tool="0.1.0",
                plan_digest=plan.digest,
                actor=run.actor,
            )

        session = Session(direct, vault, intent.platform.vault, clock, look)
        world = World(
            plan=plan,
            intent=intent,
            cluster=cluster,
            direct=direct,
            look=look,
            session=session,
            material=material,
            certificates=X509Certificates(),
            files=commit.files,
            ledger=Transfers(
                cluster, intent.keys["ledger.pub"], material, clock, writer, partial(TransitSigner, session)
            ),
            records=records or FolderRecords(self.records),
            proof=None,  # type: ignore[arg-type]  # it needs the world itself
            clock=clock,
            narrator=self.narrator,
            run=run,
            approvals=frozenset((*self.approved, *approve)),
            restore=source(self.repository, self.restore, self.environment) if self.restore else None,
        )
        world.proof = SameProcess(replace(world))
        return world

    def up(self, **ports: Any) -> Result:
        """One `bootstrap up`; ``ports`` as in ``world``."""
        with repeatable():
            world = self.world(**ports)
            try:
                result = Runner(world.plan, world, kind_class).run()
                write_records(world)
                return result
            finally:
                world.session.close()
