"""What connects to Vault from elsewhere in the cluster, and the CAs that it trusts (G7).

All of it trusts what the commit says before a certificate of another CA is made: so no connection is refused while one
CA takes the place of another.
"""

import base64
from collections.abc import Iterator

from bootstrap.model.snapshot_settings import CA
from bootstrap.ports import Object
from bootstrap.steps.context.world import World
from bootstrap.steps.secrets.vault_backend import STORE_REF, store_object
from bootstrap.steps.vault.snapshot_objects import SETTINGS


def behind(world: World) -> Iterator[Object]:
    """What is there and trusts other CAs, as it has to be; nothing else in it changes."""
    declared = world.intent.keys["vault-ca.crt"]
    store = world.cluster.get(STORE_REF)
    if store is not None and _bundle(store) != base64.b64encode(declared).decode():
        yield store_object(world)
    settings = world.cluster.get(SETTINGS)
    if settings is not None and settings["data"].get(CA) != declared.decode():
        meta = {name: settings["metadata"][name] for name in ("name", "namespace", "labels")}
        data = settings["data"] | {CA: declared.decode()}
        yield {"apiVersion": SETTINGS.api, "kind": SETTINGS.kind, "metadata": meta, "data": data}


def _bundle(store: Object) -> str:
    return str((store["spec"]["provider"].get("vault") or {}).get("caBundle", ""))
