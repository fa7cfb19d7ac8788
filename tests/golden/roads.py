"""Simulated roads by the real commands, under a fixed clock and fixed randomness; each says the same each time.

finished     one `up` from an empty cluster to its end, and every command that looks at it
interrupted  the answer of sys/init is lost (its attempt is voided), `up` is killed later, another one goes on
abandoned    `up` is killed once something is handed over, and the run is given back; another one ends it
given-back   the same before Vault's key is proven: all goes
pgp          one `up` under an OpenPGP root
changed      one `up`, then values that are set, a version that another wrote, and its adoption
"""

import hashlib
import itertools
import json
import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bootstrap.model.names import CLAIM_ANNOTATION
from tests.golden.cases import case, told
from tests.golden.fixed import fixed
from tests.golden.program import reaching
from tests.golden.workspace import commit
from tests.simulator.faults import Fault, Killed, Schedule
from tests.simulator.hand import SimulatedHand
from tests.simulator.platform import SimulatedPlatform

BUNDLE = "bundle.json"
OPENSSL = ("vault/vault-tls",)  # Secrets whose bytes OpenSSL draws: see fixed.py
BOOKS = ("bootstrap-system/journal-", "bootstrap-system/ledger-")
Documents = dict[str, str]


@dataclass
class Road:
    """One platform of ``folder``/``repo``, whose documents are what is recorded."""

    folder: Path
    repo: str
    documents: Documents = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.platform = SimulatedPlatform(self.folder, self.folder / self.repo)
        self.live = f"--repo {self.repo} --kubeconfig simulated --records records --non-interactive"
        self._commands = itertools.count()

    def command(self, name: str, line: str, stdin: str = "") -> None:
        """One command on this platform; its text is a document. ``LIVE`` in it is what names the platform."""
        with reaching(self.platform, {}):
            text = told(case(name, line.replace("LIVE", self.live), stdin), self.folder, writes=True)
        self.documents[f"{next(self._commands):02}-{name}.txt"] = text

    def killed(self, at: int) -> None:
        """One `up` that is killed once its n-th write is applied."""
        schedule = Schedule(Fault.KILL_AFTER, at, only_writes=True)
        with suppress(Killed), reaching(self.platform, schedule.ports(self.platform)):
            told(case("killed", f"up {self.live}"), self.folder, writes=True)
        assert schedule.fired, "the run was over before"

    def export(self) -> None:
        self.command("export", f"ledger export LIVE --out {BUNDLE}")
        if (self.folder / BUNDLE).exists():
            self.documents[BUNDLE] = (self.folder / BUNDLE).read_text()

    def books(self) -> None:
        """What the run wrote: the objects in the cluster, Vault's leaves, the order of all writes."""
        cluster, vault = self.platform.cluster, self.platform.vault
        objects = {str(ref): shown(str(ref), obj) for ref, obj in cluster.everything().items()}
        self.documents["journal.txt"] = "".join(
            obj["data"]["entries"] for obj in journals(cluster.everything())
        )
        writes = [f"{verb} {ref}" for verb, ref in cluster.mutations]
        self.document("objects.json", objects)
        self.document("vault.json", vault_of(self.platform))
        self.document(
            "writes.json", {"cluster": writes, "vault": [" ".join(each) for each in vault.mutations]}
        )
        for path in sorted(self.platform.records.rglob("*.json")):
            self.documents[f"records-{path.name}"] = path.read_text()

    def document(self, name: str, content: Any) -> None:
        self.documents[name] = json.dumps(content, indent=1, sort_keys=True) + "\n"


def shown(name: str, obj: Mapping[str, Any]) -> dict[str, Any]:
    """An object with digests for the values of a Secret; of certificates the names alone. What the journal and
    the ledger hold is told by documents of their own."""
    if obj["kind"] == "ConfigMap" and any(book in name for book in BOOKS):
        return {**obj, "data": {key: digest(value) for key, value in obj["data"].items()}}
    if obj["kind"] != "Secret":
        return dict(obj)
    data = {
        key: "" if any(o in name for o in OPENSSL) else digest(value) for key, value in obj["data"].items()
    }
    meta = dict(obj["metadata"])
    if CLAIM_ANNOTATION in (meta.get("annotations") or {}):  # a digest of those bytes
        meta["annotations"] = {**meta["annotations"], CLAIM_ANNOTATION: ""}
    return {**obj, "metadata": meta, "data": data}


def journals(objects: Mapping[Any, Any]) -> list[Any]:
    return [obj for ref, obj in sorted(objects.items(), key=lambda e: str(e[0])) if BOOKS[0] in str(ref)]


def digest(value: Any) -> str:
    data = value.reveal() if hasattr(value, "reveal") else str(value).encode()
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def vault_of(platform: SimulatedPlatform) -> dict[str, Any]:
    live = platform.vault.live()
    secrets = {
        path: {
            "metadata": secret.metadata,
            "versions": [{name: digest(value) for name, value in each.items()} for each in secret.versions],
        }
        for path, secret in live.secrets.items()
    }
    made = {"mounts": live.mounts, "auth": live.auth, "audit": live.audit, "headers": live.headers}
    return {**made, "plain": live.plain, "secrets": secrets, "tokens": len(live.tokens)}


def finished(road: Road) -> None:
    for name, line in BEFORE.items():
        road.command(f"before-{name}", line)
    road.command("up", "up LIVE")
    road.command("up-again", "up LIVE -o json")
    for name, line in LOOKS.items():
        road.command(name, line)
    road.export()
    road.command("check-bundle", f"check --repo good --bundle {BUNDLE}")
    road.command("ledger-verify", f"ledger verify {BUNDLE} --keys good/keys")
    road.command("ledger-verify-json", f"ledger verify {BUNDLE} --keys good/keys -o json")
    road.command("ledger-show-file", f"ledger show {BUNDLE}")
    road.command("abandon", "abandon LIVE --approve abandon")
    road.command("unseal", "unseal LIVE")
    road.books()
    source = road.folder / "good/encrypted/orders.sops.yaml"
    source.write_bytes(source.read_bytes() + b"# touched\n")
    commit(road.folder / "good")
    road.command("check-bundle-changed", f"check --repo good --bundle {BUNDLE}")


BEFORE = {
    "plan": "plan LIVE -o json --detailed-exitcode",
    "status": "status LIVE",
    "verify": "verify LIVE",
    "doctor": "doctor LIVE",
    "export": f"ledger export LIVE --out {BUNDLE}",
    "abandon": "abandon LIVE",
}
LOOKS = {
    "plan": "plan LIVE --detailed-exitcode",
    "status": "status LIVE",
    "status-json": "status LIVE -o json",
    "status-metrics": "status LIVE -o metrics",
    "verify": "verify LIVE",
    "verify-deep-json": "verify LIVE --deep -o json",
    "doctor-json": "doctor LIVE -o json",
    "ledger-show": "ledger show LIVE",
    "ledger-show-json": "ledger show LIVE -o json",
}


def interrupted(road: Road) -> None:
    road.platform.vault.lose_next_answer = True  # the first write that Vault sees is sys/init
    road.killed(at=90)
    road.command("status", "status LIVE")
    road.command("plan", "plan LIVE --detailed-exitcode")
    road.command("verify", "verify LIVE")
    road.command("abandon-not-approved", "abandon LIVE")
    road.command("up-no-auto-void", "up LIVE --no-auto-void -o json")
    road.command("verify-json", "verify LIVE -o json")
    road.command("ledger-show", "ledger show LIVE")
    road.export()
    road.books()


def abandoned(road: Road) -> None:
    road.killed(at=170)
    road.command("abandon", "abandon LIVE --approve abandon -o json")
    road.command("abandon-again", "abandon LIVE --approve abandon")
    road.command("status-json", "status LIVE -o json")
    road.export()
    road.command("up", "up LIVE")
    road.books()


def given_back(road: Road) -> None:
    road.killed(at=38)
    road.command("abandon-not-approved", "abandon LIVE -o json")
    road.command("abandon", "abandon LIVE --approve abandon")
    road.command("verify", "verify LIVE")
    road.command("plan", "plan LIVE --detailed-exitcode")
    road.export()
    road.command("up", "up LIVE")
    road.books()


def pgp(road: Road) -> None:
    road.command("up-json", "up LIVE -o json")
    road.command("verify-json", "verify LIVE -o json")
    road.export()
    road.books()


def changed(road: Road) -> None:
    token, value = "set orders-payment-token LIVE --value -", "a-new-token-0815"
    road.command("set-too-early", f"{token} --reason leaked", value)
    road.command("up", "up LIVE")
    road.command("set", f"{token} --reason 'the provider issued a new one'", value)
    road.command("set-again", f"{token} --reason 'once more' -o json", value)
    road.command("set-several", "set postgres-superuser LIVE --value - --reason left", value)
    road.command(
        "set-field", "set postgres-superuser LIVE --field host --value - --reason moved", "db.example\n"
    )
    road.command("set-unknown", "set orders-payment-tokn LIVE --value - --reason leaked", value)
    road.command("set-empty", f"{token} --reason leaked")
    road.command("set-no-reason", token, value)
    body = {"options": {"cas": 2}, "data": {"token": "written-by-hand"}}
    SimulatedHand(road.platform).vault("POST", "secret/data/applications/orders/payment-token", body)
    road.command("verify-unexplained", "verify LIVE")
    road.command("set-unexplained", f"{token} --reason leaked", "another-4242")
    road.command("adopt", "set orders-payment-token LIVE --adopt 3 --reason 'a rotation by hand'")
    road.command("adopt-none", "set orders-payment-token LIVE --adopt 7 --reason 'a rotation by hand'")
    road.command("status", "status LIVE")
    road.command("verify", "verify LIVE")
    road.command("ledger-show", "ledger show LIVE")
    road.command("up-again", "up LIVE")
    road.export()
    road.books()


ROADS: dict[str, tuple[str, Callable[[Road], None]]] = {
    "finished": ("good", finished),
    "interrupted": ("good", interrupted),
    "abandoned": ("good", abandoned),
    "given-back": ("good", given_back),
    "pgp": ("pgp", pgp),
    "changed": ("good", changed),
}


def walked(name: str, workspace: Path) -> Documents:
    """The documents of a road, on a copy of its repository."""
    repo, walk = ROADS[name]
    with TemporaryDirectory(prefix="golden-") as made, fixed(name):
        folder = Path(made).resolve()
        shutil.copytree(workspace / repo, folder / repo)
        shutil.copy2(workspace / f"{repo}.root.key", folder / "root.key")  # where the simulator looks
        road = Road(folder, repo)
        walk(road)
    return road.documents
