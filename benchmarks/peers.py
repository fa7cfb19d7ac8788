"""What people use instead, on the same Vault and for the same secrets: a shell loop, and hvac request by request."""

import os
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.floor import METADATA, MOUNT, Target

LOOP = """\
for name; do
  "$VAULT" kv put -mount="$MOUNT" "$name" value=@"$VALUE" && "$VAULT" kv get -mount="$MOUNT" "$name"
done
"""


def shell_loop(target: Target, vault: Path, names: Sequence[str], value: str) -> float:
    """`vault kv put` and `vault kv get` for each: what a script does, one process after another."""
    with tempfile.TemporaryDirectory() as home:
        (Path(home) / "value").write_text(value)
        environment = {
            "PATH": os.defpath,
            "HOME": home,
            "VAULT": str(vault),
            "MOUNT": MOUNT,
            "VALUE": f"{home}/value",
            **_environment(target),
        }
        begun = time.monotonic()
        subprocess.run(  # noqa: S603 - our own script
            ["/bin/sh", "-euc", LOOP, "sh", *names],
            env=environment,
            stdout=subprocess.DEVNULL,
            check=True,
        )
        return time.monotonic() - begun


def hvac_sequential(target: Target, names: Sequence[str], value: str) -> float:
    """The same three requests as the floor's, by hvac's own methods."""
    import hvac

    client = hvac.Client(url=target.base, token=target.token, verify=str(target.authority))
    client.session.trust_env = False
    kv = client.secrets.kv.v2
    begun = time.monotonic()
    for name in names:
        kv.update_metadata(name, mount_point=MOUNT, **METADATA)
        kv.create_or_update_secret(name, {"value": value}, cas=0, mount_point=MOUNT)
        found = kv.read_secret_version(name, version=1, mount_point=MOUNT, raise_on_deleted_version=True)
        assert found["data"]["data"]["value"] == value
    return time.monotonic() - begun


def _environment(target: Target) -> dict[str, str]:
    return {
        "VAULT_ADDR": target.base,
        "VAULT_CACERT": str(target.authority),
        "VAULT_TOKEN": target.token,
    }
