"""The same as ``compose`` for a job of snapshots in the cluster, which has no repository and no root key."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from bootstrap.model.catalog import VaultSpec
from bootstrap.model.layout import KEYS
from bootstrap.model.names import JOB_ROLE
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Narrator

if TYPE_CHECKING:
    from bootstrap.model.snapshot_settings import Settings
    from bootstrap.operations.snapshot.save import Saved


@contextmanager
def job(folder: Path, narrator: Narrator) -> Iterator[tuple["Saved", "Settings"]]:
    """What a job of snapshots needs, from the folder that it was given alone.

    PreconditionError E_SNAPSHOT_SETTINGS, and those of a kubeconfig.
    """
    from bootstrap.adapters.kubernetes.api import KubeApi
    from bootstrap.adapters.kubernetes.cluster import KubeCluster
    from bootstrap.adapters.kubernetes.kubeconfig import load_kubeconfig
    from bootstrap.adapters.kubernetes.pod_network import PodNetwork
    from bootstrap.adapters.local import mounted
    from bootstrap.adapters.local.clock import SystemClock
    from bootstrap.adapters.sops.commit_files import recipients_in
    from bootstrap.adapters.vault.client import PodVault
    from bootstrap.ledger.envelope import PublicKey
    from bootstrap.ledger.store import load
    from bootstrap.model import snapshot_settings as files
    from bootstrap.operations.snapshot.save import Saved as Platform
    from bootstrap.operations.snapshot.saver import Login
    from bootstrap.steps.context.session import Session

    settings = files.Settings.from_bytes(mounted.content(folder, files.SETTINGS), str(folder))
    clock = SystemClock()
    cluster = KubeCluster(KubeApi(load_kubeconfig(folder / files.KUBECONFIG)))
    vault = PodVault(PodNetwork(settings.vault_namespace), ca_pem=mounted.content(folder, files.CA))
    spec = VaultSpec(version="", image="", namespace=settings.vault_namespace, replicas=settings.replicas)

    def jwt() -> Sensitive:
        return mounted.token(folder, files.VAULT_TOKEN)

    session = Session(cluster, vault, spec, clock, role=JOB_ROLE, jwt=jwt)
    key = PublicKey.parse(mounted.content(folder, files.LEDGER_KEY), files.LEDGER_KEY)
    roots = mounted.there(folder, files.ROOTS)
    try:
        yield (
            Platform(
                name=settings.platform,
                environment=settings.environment,
                recipients=recipients_in({f"{KEYS}{name}": text for name, text in roots.items()}),
                secrets=settings.secrets,
                escrow=mounted.content(folder, files.ESCROW),
                place=str(folder),
                cluster=cluster,
                session=session,
                key=key,
                ledger=lambda: load(cluster, key),
                login=lambda: Login(role=JOB_ROLE, jwt=jwt()),
                clock=clock,
                narrator=narrator,
            ),
            settings,
        )
    finally:
        session.close()
