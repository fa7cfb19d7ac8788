"""One commit of an intent repository as an ``Intent``, or everything that is wrong with it (G1, G5).

Only the commit is read, never a value: encrypted files are known here by their path and blob id.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from pydantic import ValidationError

from bootstrap.intent import convert, schema
from bootstrap.intent.contents import exposed
from bootstrap.intent.explain import explain, header
from bootstrap.intent.findings import Finding, IntentError, errors, in_order, of_error
from bootstrap.intent.rules import policies as rules_policies
from bootstrap.intent.rules import sealed as rules_sealed
from bootstrap.intent.rules.every import judge
from bootstrap.intent.yaml_source import Located, load_documents
from bootstrap.model import layout
from bootstrap.model.catalog import Intent, Internal, Platform, Secret
from bootstrap.model.errors import DefinitionError
from bootstrap.ports import IntentRepository


def load_intent(repository: IntentRepository) -> Intent:
    """The commit's intent. IntentError (a DefinitionError) lists every error; warnings do not stop it."""
    intent, findings = examine(repository)
    if wrong := errors(findings):
        raise IntentError(wrong)
    assert intent is not None  # without a platform there is an error
    return intent


def examine(repository: IntentRepository) -> tuple[Intent | None, tuple[Finding, ...]]:
    """What can be known from the commit alone; the intent is None where ``bootstrap.yaml`` cannot be read.

    Entries with errors are left out of the intent, so it is whole only when no finding is an error.
    """
    reading = _Reading(repository, tuple(repository.paths()))
    intent, judged = reading.judged()
    findings = [*judged, *exposed(repository, reading.encrypted()), *rules_policies.judge(repository, intent)]
    if intent is not None:
        findings += rules_sealed.judge(repository, intent)
    return intent, in_order(findings)


def read_catalog(repository: IntentRepository) -> tuple[Intent | None, tuple[Finding, ...]]:
    """The part of ``examine`` that reads ``bootstrap.yaml`` and ``secrets/``: shapes, and the rules between entries."""
    return _Reading(repository, tuple(repository.paths())).judged()


@dataclass(slots=True)
class _Reading:
    """One pass over a commit; what is wrong is kept, and the pass goes on."""

    repository: IntentRepository
    paths: tuple[str, ...]
    findings: list[Finding] = field(default_factory=list)
    secrets: list[Secret] = field(default_factory=list)
    internals: list[Internal] = field(default_factory=list)

    def judged(self) -> tuple[Intent | None, tuple[Finding, ...]]:
        platform = self.platform()
        self.catalog()
        if platform is None:
            return None, tuple(self.findings)
        intent = self.intent(platform)
        return intent, (*self.findings, *judge(intent, whole=not errors(self.findings)))

    def platform(self) -> Platform | None:
        if layout.PLATFORM_FILE not in self.paths:
            message, hint = (
                f"the commit holds no {layout.PLATFORM_FILE}",
                "`bootstrap init DIR` writes a repository",
            )
            self._note("E_FILE_MISSING", layout.PLATFORM_FILE, message, hint)
            return None
        documents = self._documents(layout.PLATFORM_FILE)
        if documents is None:
            return None
        if len(documents) != 1:
            message = f"{layout.PLATFORM_FILE} holds one document, found {len(documents)}"
            where = documents[1].where() if documents else f"{layout.PLATFORM_FILE}:1"
            self._note("E_YAML_DOCS", where, message, "secrets are described below secrets/")
            return None
        model = self._parse(documents[0], ("Platform",))
        if not isinstance(model, schema.Platform):
            return None
        self._platform_rules(model, documents[0])
        return convert.platform(model, documents[0].where())

    def _platform_rules(self, model: schema.Platform, document: Located) -> None:
        """What the catalog's value no longer shows."""
        if model.spec.vault.seal.type != "shamir":
            where = document.where(("spec", "vault", "seal", "type"))
            message = f"seal type {model.spec.vault.seal.type} is not available yet"
            self._note("E_SEAL_TYPE", where, message, "write type: shamir")
        operator = model.spec.components.external_secrets
        if (operator.install is None) == (operator.adopt is None):
            where = document.where(("spec", "components", "externalSecrets"))
            message = "externalSecrets has exactly one of install and adopt"
            self._note(
                "E_VALUE",
                where,
                message,
                "install: manifests/external-secrets, or adopt: namespace/deployment",
            )

    def catalog(self) -> None:
        for path in self._below(layout.SECRETS):
            if path.endswith((".yml", ".json")):
                self._note("E_CATALOG_FILE", path, "catalog files end in .yaml", "rename it")
            if path.endswith(".yaml"):
                for document in self._documents(path) or ():
                    self._entry(document)

    def _entry(self, document: Located) -> None:
        model = self._parse(document, tuple(schema.CATALOG))
        if isinstance(model, schema.Secret):
            self.secrets.append(convert.secret(model, document.where()))
        elif isinstance(model, schema.InternalSecret | schema.InternalConfig):
            self.internals.append(convert.internal(model, document.where()))

    def _documents(self, path: str) -> list[Located] | None:
        try:
            return load_documents(path, self.repository.read(path))
        except DefinitionError as error:
            self.findings.append(of_error(error, path))
            return None

    def _parse(self, document: Located, kinds: Sequence[str]) -> schema.Platform | schema.Entry | None:
        if wrong := header(document, kinds):
            self.findings.append(wrong)
            return None
        assert isinstance(document.value, dict)
        kind = str(document.value["kind"])
        try:
            return schema.KINDS[kind].model_validate(document.value)
        except ValidationError as error:
            self.findings += explain(error, document, kind)
            return None

    def _note(self, code: str, where: str, message: str, hint: str) -> None:
        self.findings.append(Finding(id=code, where=where, message=message, hint=hint))

    def _below(self, folder: str) -> Iterator[str]:
        return (path for path in self.paths if path.startswith(folder))

    def encrypted(self) -> tuple[str, ...]:
        return tuple(
            p for p in self._below(layout.ENCRYPTED) if p.rsplit("/", 1)[-1] not in layout.NOT_ENCRYPTED
        )

    def intent(self, platform: Platform) -> Intent:
        read = self.repository.read
        return Intent(
            commit=self.repository.commit,
            tree=self.repository.tree,
            platform=platform,
            secrets=tuple(sorted(self.secrets, key=lambda s: s.name)),
            internals=tuple(sorted(self.internals, key=lambda i: (i.kind, i.name))),
            keys={path.removeprefix(layout.KEYS): read(path) for path in self._below(layout.KEYS)},
            manifests={path: read(path) for path in self._below(layout.MANIFESTS)},
            blobs={path: self.repository.blob(path) for path in self.encrypted()},
            heads=self._records(layout.HEAD),
            escrows=self._records(layout.ESCROW),
        )

    def _records(self, name: str) -> dict[str, bytes]:
        parts = ((path, path.split("/")) for path in self._below(layout.RECORDS))
        return {p[1]: self.repository.read(path) for path, p in parts if len(p) == 3 and p[2] == name}
