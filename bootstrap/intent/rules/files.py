"""Rules of the files that the catalog rests on: sources, root material and the public halves of keys."""

from collections.abc import Iterator

from bootstrap.intent.findings import Finding, Level
from bootstrap.model import layout
from bootstrap.model.catalog import Intent, SecretClass
from bootstrap.model.suggest import closest

ROOT_MATERIAL = ("ledger", "commitment", "vault-ca", "unseal")
PUBLIC = ("ledger.pub", "vault-ca.crt", "unseal.asc")
_KEYGEN = "`bootstrap keygen --out DIR` makes it; commit what it writes to keys/ and encrypted/"


def judge(intent: Intent) -> Iterator[Finding]:
    yield from _sources(intent)
    yield from _kept_back(intent)
    yield from _keys(intent)
    yield from _recipients(intent)
    yield from _holders(intent)
    for name in ROOT_MATERIAL:
        if not root_files(name) & intent.blobs.keys():
            message = f"root material {name} is missing: encrypted/root-material/{name}.age"
            yield Finding(id="E_ROOT_MATERIAL", where=intent.platform.where, message=message, hint=_KEYGEN)


def judge_absent(intent: Intent) -> Iterator[Finding]:
    """What no entry speaks of; only true when every entry could be read."""
    named = {s.source.file for s in intent.secrets if s.source}
    material = {
        s.source.file for s in intent.secrets if s.source and s.secret_class is SecretClass.ROOT_MATERIAL
    }
    for name in ROOT_MATERIAL:
        for path in sorted(root_files(name) & intent.blobs.keys() - material):
            hint = "describe it in secrets/ with class: root-material"
            message = "root material that no entry of class root-material names"
            yield Finding(id="E_ROOT_MATERIAL", where=path, message=message, hint=hint)
    for path in sorted(
        p for p in intent.blobs.keys() - named if not p.startswith(f"{layout.ROOT_MATERIAL}/")
    ):
        hint = "describe it in secrets/, or remove it"
        message = "an encrypted file that no entry names"
        yield Finding(id="W_UNUSED_FILE", where=path, message=message, hint=hint, level=Level.WARNING)


def root_files(name: str) -> set[str]:
    """The paths that the private half of a key under the root may have."""
    return {f"{layout.ROOT_MATERIAL}/{name}.{suffix}" for suffix in ("age", "asc", "gpg")}


def _sources(intent: Intent) -> Iterator[Finding]:
    for secret in intent.secrets:
        if secret.source and secret.source.file not in intent.blobs:
            message = f"{secret.name}: the commit holds no file {secret.source.file}"
            inside = secret.source.file.startswith(layout.ENCRYPTED)
            hint = _meant(secret.source.file, intent) or (
                "`git add` and commit it" if inside else "encrypted files lie below encrypted/"
            )
            yield Finding(id="E_CATALOG_SET", where=secret.where, message=message, hint=hint)


def _kept_back(intent: Intent) -> Iterator[Finding]:
    """Root material is never handed over, whatever name its ciphertext has. Here it is known by its place and by its
    bytes; the content of a file is compared when it is opened."""
    inside = {
        path: blob for path, blob in intent.blobs.items() if path.startswith(f"{layout.ROOT_MATERIAL}/")
    }
    for secret in intent.secrets:
        if secret.source is None or secret.secret_class is SecretClass.ROOT_MATERIAL:
            continue
        file = secret.source.file
        if file in inside or intent.blobs.get(file) in inside.values():
            message = (
                f"{secret.name}: {file} is root material: it would be handed to Vault and to its consumers"
            )
            hint = "name another file; what stays with the root is of class: root-material"
            yield Finding(id="E_ROOT_SOURCE", where=secret.where, message=message, hint=hint)


def _meant(file: str, intent: Intent) -> str:
    """A file that the commit holds and whose name is nearly the same; empty where there is none."""
    close = closest(file, intent.blobs, alike=0.8)
    return f'did you mean "{close}"? Else `git add` and commit it' if close else ""


def _keys(intent: Intent) -> Iterator[Finding]:
    missing = [name for name in PUBLIC if name not in intent.keys]
    if not {"root.txt", "root.asc"} & intent.keys.keys():
        missing.append("root.txt")
    for name in missing:
        message = f"the commit holds no keys/{name}"
        yield Finding(id="E_KEYS", where=f"keys/{name}", message=message, hint=_KEYGEN)
    if "vault-ca.crt" in intent.keys:
        yield from _authorities(len(intent.authorities))


def _authorities(count: int) -> Iterator[Finding]:
    if count == 0:
        message = "it holds no certificate in PEM"
        yield Finding(id="E_KEYS", where=layout.CA_CERTIFICATE, message=message, hint=_KEYGEN)
    elif count > 1:
        message = f"{count} CAs of Vault are trusted; the first one signs"
        hint = "once `bootstrap up` is done, `bootstrap ca drop` and commit"
        where = layout.CA_CERTIFICATE
        yield Finding(id="W_CA_OVERLAP", where=where, message=message, hint=hint, level=Level.WARNING)


def _holders(intent: Intent) -> Iterator[Finding]:
    """One key under two names is one holder: losing it loses both (S1)."""
    first: dict[bytes, int] = {}
    for number, line in enumerate(intent.keys.get("root.txt", b"").splitlines(), 1):
        key = line.strip()
        if key and not key.startswith(b"#") and first.setdefault(key, number) != number:
            message = f"this holder of the root is named twice, first on line {first[key]}"
            hint = "remove one, or write the second holder's own public key"
            yield Finding(id="E_CUSTODY", where=f"keys/root.txt:{number}", message=message, hint=hint)


def _recipients(intent: Intent) -> Iterator[Finding]:
    """Fewer than two holders of the root: one lost key and nothing can be rebuilt (S1)."""
    lines = intent.keys.get("root.txt", b"").splitlines()
    age = [line for line in lines if line.strip() and not line.lstrip().startswith(b"#")]
    pgp = intent.keys.get("root.asc", b"").count(b"-----BEGIN PGP PUBLIC KEY BLOCK-----")
    if {"root.txt", "root.asc"} & intent.keys.keys() and len(age) + pgp < 2:
        where = layout.ROOT_AGE if "root.txt" in intent.keys else layout.ROOT_PGP
        message = f"the root of trust has {len(age) + pgp} recipient: one lost key and nothing can be rebuilt"
        hint = f"add a second holder's public key to {where}, then `bootstrap rekey-repo --root file:PATH`"
        yield Finding(id="W_RECIPIENTS", where=where, message=message, hint=hint, level=Level.WARNING)
