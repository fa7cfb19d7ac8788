"""The one ClusterSecretStore, as it is declared (D2)."""

import base64
from typing import Final

from bootstrap.ports import Object, Ref
from bootstrap.steps.context.names import KV_MOUNT, READER_ACCOUNT, READER_ROLE, STORE, labels
from bootstrap.steps.context.world import World

STORE_REF: Final = Ref("external-secrets.io/v1", "ClusterSecretStore", STORE)


def store_object(world: World) -> Object:
    vault_namespace = world.intent.platform.vault.namespace
    vault = {
        "server": f"https://vault.{vault_namespace}.svc:8200",
        "path": KV_MOUNT,
        "version": "v2",
        "caBundle": base64.b64encode(world.intent.keys["vault-ca.crt"]).decode(),
        "auth": {
            "kubernetes": {
                "mountPath": "kubernetes",
                "role": READER_ROLE,
                # No namespace: the operator logs in as this account of the namespace that asks.
                "serviceAccountRef": {"name": READER_ACCOUNT, "audiences": ["vault"]},
            }
        },
    }
    return {
        "apiVersion": STORE_REF.api,
        "kind": STORE_REF.kind,
        "metadata": {"name": STORE, "labels": labels("store")},
        "spec": {"provider": {"vault": vault}},
    }
