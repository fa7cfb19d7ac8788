"""The current values of bootstrap secrets as they lie in a snapshot: JSON, which is never seen outside its seal."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from bootstrap.adapters.snapshot.errors import damaged
from bootstrap.model.outside import json_value
from bootstrap.model.sensitive import Sensitive


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedSecret:
    """One secret of the catalog as Vault held it: its path below the KV v2 mount, the version, its fields."""

    path: str
    version: int
    fields: Mapping[str, Sensitive]


def saved_bytes(secrets: Mapping[str, SavedSecret]) -> Sensitive:
    """By the secrets' names in the catalog."""
    document = {
        name: {
            "path": secret.path,
            "version": secret.version,
            "fields": {field: value.reveal().decode() for field, value in secret.fields.items()},
        }
        for name, secret in secrets.items()
    }
    return Sensitive(json.dumps(document, sort_keys=True).encode(), "bootstrap secrets")


def read_saved(data: Sensitive) -> dict[str, SavedSecret]:
    """EvidenceError E_SNAPSHOT_DAMAGED."""
    try:
        found = {
            str(name): SavedSecret(
                path=str(entry["path"]),
                version=int(entry["version"]),
                fields={
                    str(field): Sensitive(value.encode(), f"{name} {field}")
                    for field, value in entry["fields"].items()
                },
            )
            for name, entry in json_value(data.reveal()).items()
        }
    except (ValueError, KeyError, TypeError, AttributeError):
        found = None
    if found is None:
        raise damaged("its bootstrap secrets are not of this format")
    return found
