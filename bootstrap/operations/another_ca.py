"""Another CA of Vault in the work tree: made beside the one before, which goes once nothing stands on it (G7, S5).

The root key is not needed: the new private half is encrypted to the holders, and the one before lies in Git's history.
"""

from bootstrap.adapters.git.repository import GitRepository
from bootstrap.adapters.root.derived_keys import CA_NAME, generate_ca, now
from bootstrap.adapters.root.root_key import encrypt_to
from bootstrap.adapters.sops.commit_files import declared_recipients
from bootstrap.adapters.sops.data_key import speaks_age
from bootstrap.intent.rules.files import root_files
from bootstrap.model import layout
from bootstrap.model.certificates import each_of
from bootstrap.model.errors import DefinitionError
from bootstrap.operations.rekey.repository import Rekeyed, refuse_unused_changes


def another(repository: GitRepository) -> Rekeyed:
    """The files that make a new CA the one that signs; the one before stays trusted.

    DefinitionError E_CA_OVERLAP while two are trusted, E_KEYS, E_REPO_DIRTY.
    """
    refuse_unused_changes(repository)
    before = each_of(repository.read(layout.CA_CERTIFICATE))
    if len(before) != 1:
        raise _overlap(
            f"it holds {len(before)} CAs: one takes the place of another already",
            "`bootstrap up`, then `bootstrap ca drop`; then another one",
        )
    key, certificate = generate_ca(f"{CA_NAME} {now():%Y-%m-%d}")
    recipients = declared_recipients(repository)
    path = _private_half(repository, recipients)
    return Rekeyed(
        files={path: encrypt_to(recipients, key)},
        public={layout.CA_CERTIFICATE: certificate + before[0]},
        kept=(),
    )


def first_alone(repository: GitRepository) -> Rekeyed:
    """The file that trusts the CA that signs and no other. DefinitionError E_CA_OVERLAP where it does, E_REPO_DIRTY."""
    refuse_unused_changes(repository)
    before = each_of(repository.read(layout.CA_CERTIFICATE))
    if len(before) < 2:
        raise _overlap(
            "it holds one CA, so there is none to drop", "`bootstrap ca new` makes another one first"
        )
    return Rekeyed(files={}, public={layout.CA_CERTIFICATE: before[0]}, kept=())


def _private_half(repository: GitRepository, recipients: tuple[str, ...]) -> str:
    """Where it lies now, in a file of the kind that its holders can open."""
    kind = ".age" if recipients and speaks_age(recipients) else (".asc", ".gpg")
    found = sorted(path for path in root_files("vault-ca") & set(repository.paths()) if path.endswith(kind))
    if not recipients or not found:
        raise DefinitionError(
            "the commit holds no private half of the CA for the holders in keys/",
            code="E_KEYS",
            where=f"{layout.ROOT_MATERIAL}/vault-ca",
            hint="`bootstrap check` says what is missing",
        )
    return found[0]


def _overlap(message: str, hint: str) -> DefinitionError:
    return DefinitionError(message, code="E_CA_OVERLAP", where=layout.CA_CERTIFICATE, hint=hint)
