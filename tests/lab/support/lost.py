"""A platform that was saved and lost, and how it is told that everything is back."""

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.lab.support.cluster import Kube
from tests.lab.support.platform import Platform
from tests.lab.support.reset import reset
from tests.lab.support.state import authority, sealed, statements, token_policies, voters
from tests.lab.support.vault import Vault, as_root, as_run
from tests.support.program import BOOTSTRAP, commit_all, git, hostile, new_home, run_bootstrap, said

SET = {
    "orders-payment-token": ("token", 2),
    "alert-webhook": ("url", 1),
}  # secret to field, times that it is set
Values = dict[str, tuple[int, dict[str, str]]]


@dataclass(frozen=True)
class Lost:
    """``values`` are what Vault held, by path; ``served`` what consumers read; ``tokens`` lived when it was saved, and
    half of them were revoked since."""

    platform: Platform
    clone: Path
    file: Path
    values: Values
    served: dict[str, dict[str, str]]
    tokens: tuple[str, ...]
    records: int

    def up(self, *more: object) -> "subprocess.CompletedProcess[str]":
        return run_bootstrap("up", *self.platform.to_cluster(self.clone), *more)


def held(vault: Vault) -> Values:
    """Of what Git introduced: what the cluster itself publishes is made anew with it."""
    found = {}
    for path in vault.paths():
        if not path.startswith(("bootstrap/", "platform-data/", "platform-config/")):
            answer = vault.read(f"secret/data/{path}")
            found[path] = (answer["metadata"]["version"], answer["data"])
    return found


def served(kube: Kube, platform: Platform) -> dict[str, dict[str, str]]:
    found = {}
    for spec in platform.sources.secrets().values():
        for consumer in spec.get("consumers", []):
            live = kube.need("secret", consumer["secret"], consumer["namespace"])
            found[f"{consumer['namespace']}/{consumer['secret']}"] = live["data"]
    return found


def set_value(platform: Platform, name: str, field: str, value: bytes, clone: Path | None = None) -> None:
    home = new_home()
    more = ("--field", field, "--value", "-", "--reason", "it leaked")
    command = [str(BOOTSTRAP), "set", name, *platform.to_cluster(clone), *more]
    done = subprocess.run(command, env=hostile(home), cwd=home, input=value, capture_output=True, timeout=900)
    assert done.returncode == 0, done.stderr.decode()


def snapshot(platform: Platform, clone: Path, out: Path) -> Path:
    """Saved without the root key."""
    options = platform.to_cluster(clone)
    at = options.index("--root")
    done = run_bootstrap("snapshot", "save", *options[:at], *options[at + 2 :], "--out", out)
    assert done.returncode == 0, said(done)
    return out


def tokens(vault: Vault) -> tuple[str, ...]:
    """Eight that nothing ends before their time; they may look themselves up."""
    body = {"policies": ["default"], "ttl": "24h", "type": "service"}
    made = [vault.ask("POST", "auth/token/create-orphan", body).json()["auth"] for _ in range(8)]
    return tuple(str(each["client_token"]) for each in made)


def lose(platform: Platform, kube: Kube, folder: Path) -> Lost:
    """On an empty cluster, which is empty again afterwards."""
    done = run_bootstrap("up", *platform.to_cluster())
    assert done.returncode == 0, said(done)
    for name, (field, times) in SET.items():
        for number in range(times):
            set_value(platform, name, field, f"https://{name}.example/{number}".encode())
    with as_root(kube, authority(platform)) as vault:
        alive = tokens(vault)
    commit_all(platform.folder, "records")
    file = snapshot(platform, platform.folder, folder / "platform.snapshot")
    with as_run(kube, authority(platform)) as vault:
        values = held(vault)
    assert sorted(version for version, _ in values.values() if version > 1) == [2, 3]
    seen, records = served(kube, platform), len(statements(kube))
    with as_root(kube, authority(platform)) as vault:
        for token in alive[::2]:  # revoked since: alive in the snapshot
            answer = vault.ask("POST", "auth/token/revoke", {"token": token})
            assert answer.status_code == 204, answer.text
    clone = folder / "clone"
    git(folder, "clone", "--quiet", str(platform.folder), str(clone))
    reset(kube)
    return Lost(platform, clone, file, values, seen, alive, records)


def assert_back(found: Lost, kube: Kube) -> None:
    with as_run(kube, authority(found.platform)) as vault:
        now = held(vault)
        assert {path: version for path, (version, _) in now.items()} == {
            path: version for path, (version, _) in found.values.items()
        }
        assert [path for path in now if now[path] != found.values[path]] == []  # no value in the message
        assert voters(vault) == ["vault-0", "vault-1", "vault-2"]
        assert not any("root" in policies for policies in token_policies(vault))
    assert sealed(kube) == []
    there = served(kube, found.platform)
    assert [name for name in found.served if there[name] != found.served[name]] == []
    done = run_bootstrap("verify", *found.platform.to_cluster(found.clone), "--deep")
    assert done.returncode == 0, said(done)
    done = found.up()
    assert done.returncode == 0, said(done)
    assert "nothing to do" in done.stdout


def restored(kube: Kube) -> list[dict[str, Any]]:
    return [each for each in statements(kube) if each["phase"] == "RESTORED"]
