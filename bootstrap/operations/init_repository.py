"""The files of a new intent repository: templates, and values made and encrypted at once (B1).

No plaintext value touches the disk: what is written is rendered text or ciphertext.
"""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from bootstrap.adapters.root import derived_keys as keys
from bootstrap.adapters.root.holders import Holders, read_holders
from bootstrap.adapters.root.root_key import encrypt_to
from bootstrap.adapters.sops.writer import encrypt_yaml
from bootstrap.model import layout
from bootstrap.model.errors import DefinitionError
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Opened

ROOT_MATERIAL = (
    ("ledger", "Signs the transfer records"),
    ("commitment", "Keys the digests in the transfer records, so that none lets a value be guessed"),
    ("vault-ca", "Signs the certificates of Vault's pods"),
    ("unseal", "Opens the share and the root token that Vault gives out once, encrypted"),
)
CRDS = "manifests/external-secrets/crds.yaml"


@dataclass(frozen=True, slots=True)
class Manifests:
    """What fits the cluster: the operator's CRDs, and the digest of each image that is named by it."""

    crds: Path
    digests: Mapping[str, str] = field(default_factory=dict)


def write_repository(
    folder: Path, name: str, key_folder: Path, root_hint: str, given: Manifests | None
) -> None:
    """Fills the empty ``folder``; ``key_folder`` is what keygen wrote. Raises DefinitionError E_KEYS."""
    holding = read_holders(key_folder)
    for part in ("keys", layout.ROOT_MATERIAL):
        if not (key_folder / part).is_dir():
            raise DefinitionError(
                f"{key_folder} holds no {part}",
                code="E_KEYS",
                where=str(key_folder),
                hint="it must be what one run of bootstrap keygen wrote",
            )
        _copy(key_folder / part, folder / part)
    context = {
        "name": name,
        "root_hint": root_hint,
        "raw": holding.suffix,
        "sops_kind": "pgp" if holding.pgp else "age",
        "sops_recipients": ",".join(holding.names),
        "root_material": ROOT_MATERIAL,
        "crds": given is not None,
        "pgp": holding.pgp,
    }
    template = resources.files("bootstrap.operations") / "repository_template"
    _render(template, folder, context, given.digests if given else {})
    if given is not None:
        shutil.copyfile(given.crds, folder / CRDS)
    for path, content in _encrypted(holding).items():
        (folder / path).write_bytes(content)


def _copy(source: Path, target: Path) -> None:
    """By hand: `shutil.copytree` makes one error of many, and none of them is to be read."""
    for path in sorted(each for each in source.rglob("*") if each.is_file()):
        copy = target / path.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())


def _render(source: Traversable, target: Path, context: dict[str, Any], digests: Mapping[str, str]) -> None:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False)  # noqa: S701  # YAML and Markdown, of our own values
    environment.filters["pinned"] = lambda image: f"{image}@{digests[image]}" if image in digests else image
    for entry in source.iterdir():
        name = entry.name.removeprefix("dot") if entry.name.startswith("dot.") else entry.name
        if entry.is_dir():
            (target / name).mkdir(exist_ok=True)
            _render(entry, target / name, context, digests)
        elif name.endswith(".j2"):
            text = environment.from_string(entry.read_text()).render(context)
            (target / name.removesuffix(".j2")).write_text(text)
        else:
            (target / name).write_text(entry.read_text())


def _encrypted(holding: Holders) -> dict[str, bytes]:
    """Path to ciphertext of every first value of the new catalog."""
    to = holding.recipients
    signing, _ = keys.generate_ledger()
    orders: dict[str, Opened] = {
        "session": keys.generate_password(48),
        "payment": {"token": keys.generate_password(40)},
        "signing": signing,
    }
    superuser: Opened = {
        "username": _plain("postgres"),
        "password": keys.generate_password(),
        "host": _plain("postgres.database.svc"),
        "port": _plain("5432"),
    }
    deploy: Opened = {"username": _plain("deploy"), "password": keys.generate_password(40)}
    webhook: dict[str, Opened] = {
        "apiVersion": _plain("v1"),
        "kind": _plain("Secret"),
        "metadata": {"name": _plain("alert-webhook")},
        "stringData": {"url": _plain("https://paging.example/hook"), "token": keys.generate_password(40)},
    }
    return {
        "encrypted/gitops.sops.yaml": encrypt_yaml({"deploy": deploy}, to),
        "encrypted/orders.sops.yaml": encrypt_yaml(orders, to),
        "encrypted/database.sops.yaml": encrypt_yaml({"superuser": superuser}, to),
        "encrypted/alert-webhook.secret.sops.yaml": encrypt_yaml(
            webhook, to, encrypted_regex="^(data|stringData)$"
        ),
        f"encrypted/identity-hmac-key.{holding.suffix}": encrypt_to(to, keys.generate_bytes(64)),
    }


def _plain(text: str) -> Sensitive:
    return Sensitive(text.encode(), "plain")
