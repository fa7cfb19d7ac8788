"""The job that saves snapshots in the cluster, from what it is given there alone, and under its own account."""

from bootstrap.adapters.sops.commit_files import recipients_in
from bootstrap.ledger.envelope import PublicKey
from bootstrap.ledger.store import load
from bootstrap.model.layout import KEYS
from bootstrap.model.names import JOB_ACCOUNT, JOB_ROLE, SYSTEM_NAMESPACE
from bootstrap.model.sensitive import Sensitive
from bootstrap.model.snapshot_settings import ESCROW, LEDGER_KEY, ROOTS, SETTINGS, Settings
from bootstrap.operations.snapshot.save import Saved
from bootstrap.operations.snapshot.saver import Login
from bootstrap.steps.context.session import Session
from bootstrap.steps.vault import snapshot_objects
from tests.simulator.narrator import Remembered
from tests.simulator.platform import SimulatedPlatform, opened
from tests.support.simulated_clock import SimulatedClock


def given(platform: SimulatedPlatform) -> dict[str, str]:
    """The files that the job mounts, but for its token."""
    live = platform.cluster.get(snapshot_objects.SETTINGS)
    assert live is not None
    found: dict[str, str] = live["data"]
    return found


def settings_of(platform: SimulatedPlatform) -> Settings:
    return Settings.from_bytes(given(platform)[SETTINGS].encode(), "settings")


def as_job(platform: SimulatedPlatform, minutes: int = 0) -> Saved:
    """So many minutes later than the last. Its session is the caller's to close."""
    files, settings, clock = given(platform), settings_of(platform), SimulatedClock()
    clock.sleep(minutes * 60)
    key = PublicKey.parse(files[LEDGER_KEY].encode())
    jwt = Sensitive(f"token:{SYSTEM_NAMESPACE}/{JOB_ACCOUNT}:vault".encode(), "token")
    spec = opened(platform.repository).intent.platform.vault
    session = Session(platform.cluster, platform.vault, spec, clock, role=JOB_ROLE, jwt=lambda: jwt)
    return Saved(
        name=settings.platform,
        environment=settings.environment,
        recipients=recipients_in({f"{KEYS}{name}": files[name].encode() for name in ROOTS if name in files}),
        secrets=settings.secrets,
        escrow=files[ESCROW].encode(),
        place="settings",
        cluster=platform.cluster,
        session=session,
        key=key,
        ledger=lambda: load(platform.cluster, key),
        login=lambda: Login(role=JOB_ROLE, jwt=jwt),
        clock=clock,
        narrator=Remembered(),
    )
