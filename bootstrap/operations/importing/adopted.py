"""One Secret of a tree on each of its roads: its values as the controller applies them, and who reads them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from bootstrap.adapters.git.tree import Files
from bootstrap.adapters.sops.placeholders import shown, substituted, variables
from bootstrap.model.catalog import BootstrapCopy, Consumer
from bootstrap.model.reserved import reserved_everywhere
from bootstrap.model.sensitive import Sensitive
from bootstrap.operations.importing.candidates import (
    Findings,
    Found,
    Options,
    is_empty,
    not_values,
    of_the_cluster,
    secret_entry,
    slug,
)
from bootstrap.operations.importing.gitops.documents import mapping, text, texts
from bootstrap.operations.importing.gitops.kustomize import Use
from bootstrap.operations.importing.gitops.live import Live, Road
from bootstrap.operations.importing.gitops.patches import Patched, patched
from bootstrap.operations.importing.gitops.roots import Source, Substitution
from bootstrap.operations.importing.marks import carried, owner_of, purpose_of
from bootstrap.operations.importing.opened import Keys, Manifest
from bootstrap.operations.importing.owners import Owners
from bootstrap.operations.importing.readers import FETCHES, WORKLOADS, Reader, Readers
from bootstrap.ports import Opened

_LITERAL = "kustomize.toolkit.fluxcd.io/substitute"
_MERGES = "kustomize.config.k8s.io/behavior"
_PULLS = ("kubernetes.io/dockerconfigjson", "kubernetes.io/dockercfg")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Made:
    """One Secret as one root applies it."""

    consumer: Consumer
    tree: Mapping[str, Opened]
    changed: bool  # by substitution: it is no longer what the file holds
    readers: tuple[Reader, ...]


@dataclass(slots=True)
class Adoption:
    files: Files
    live: Live
    keys: Keys
    into: Findings
    options: Options
    is_opening_key: Callable[[Sensitive], bool]
    _secrets: dict[str, list[Manifest]] = field(default_factory=dict)
    _made: dict[tuple[str, str], str] = field(default_factory=dict)
    _owners: Owners | None = None
    _readers: Readers | None = None

    def know(self, manifests: Sequence[Manifest]) -> None:
        """For substitution: what each Secret of the tree holds."""
        for manifest in manifests:
            self._secrets.setdefault(manifest.name, []).append(manifest)

    def take(self, path: str, manifest: Manifest, kept: bytes | None, *, in_clear: bool = False) -> None:
        """One Secret of a file; ``kept`` is that file where it may stay as it is."""
        file = "" if in_clear else path
        where = f"{path}: Secret {manifest.name}"
        if why := self._refused(manifest, in_clear=in_clear):
            self.into.leave(where, why, file)
            return
        roads = self.live.roads.get(path, ())
        if self.live.known and not roads and not manifest.namespace:
            self.into.leave(where, "out of use: nothing applies it, and it names no namespace", file)
            return
        made: list[_Made] = []
        for road in roads or (Road(use=Use(path=path), root=""),):
            found = self._on(road, manifest)
            if isinstance(found, str):
                self.into.leave(where, found, file)
            elif self._free(found.consumer, path, where, file):
                made.append(found)
        for group in _alike(made):
            self._add(path, manifest, group, kept)

    def _refused(self, manifest: Manifest, *, in_clear: bool) -> str:
        if manifest.empty:
            return "it is empty" if not of_the_cluster(manifest.type) else of_the_cluster(manifest.type)
        if kind := of_the_cluster(manifest.type):
            return kind
        if manifest.wrong:
            return f"E_TYPE {', '.join(manifest.wrong)} is no text; put it into quotes with `sops edit`"
        if manifest.tree and is_empty(manifest.tree):
            return "its values are empty"
        if self._opens(manifest):
            return "a private key in it opens the encrypted files: it stays with the root"
        return not_values(manifest.tree, in_clear=in_clear)

    def _opens(self, manifest: Manifest) -> bool:
        found = manifest.name in self.live.keys and not manifest.tree
        for part, name, value in manifest.values():
            del name
            found |= self.is_opening_key(_decoded(value) if part == "data" else value)
        return found

    def place(self, road: Road, manifest: Manifest) -> tuple[str, str] | None:
        """Namespace and name of the Secret that one root makes of it; None where a variable stays open in them."""
        space, name = self._place(road, manifest, self._clear(road, manifest))
        return None if "${" in space + name else (space, name)

    def _clear(self, road: Road, manifest: Manifest) -> dict[str, Sensitive]:
        """The variables that may become part of a name: none that a Secret gives."""
        if _is_literal(_behind(manifest, road.use)):
            return {}
        return {
            name: value for name, (value, secret) in self._variables(road.substitution).items() if not secret
        }

    def _place(self, road: Road, manifest: Manifest, clear: Mapping[str, Sensitive]) -> tuple[str, str]:
        use = road.use
        space = use.namespace or manifest.namespace or use.fallback or "default"
        return _filled(space, clear), _filled(f"{use.prefix}{manifest.name}{use.suffix}", clear)

    def _on(self, road: Road, manifest: Manifest) -> _Made | str:
        """As one root applies it; or why it is not taken."""
        use, given = road.use, self._variables(road.substitution)
        behind = _behind(manifest, use)
        if behind.why:
            return behind.why
        if behind.annotations.get(_MERGES, "create") != "create":
            return "kustomize merges it with another Secret of its name"
        literal = _is_literal(behind)
        clear = self._clear(road, manifest)
        whole = {} if literal else {name: value for name, (value, _) in given.items()}
        space, name = self._place(road, manifest, clear)
        if lacking := [each for each in (name, space) if "${" in each or "{{" in each]:
            return f"{lacking[0]} in its name: nothing says in the clear what it stands for"
        if whose := reserved_everywhere(space):
            return f"it goes into {space}, which is {whose}: no entry may"
        tree, changed, open_ones = _substituted(manifest, whole, literal=literal)
        if open_ones:
            return f"{', '.join(f'${{{each}}}' for each in open_ones)} in it: nothing says what it stands for"
        readers = self._read_by(road.root, name)
        workload = next((f"{each.kind}/{each.name}" for each in readers if each.kind in WORKLOADS), None)
        labels, annotations = (
            {k: _filled(v, clear) for k, v in marks.items()} for marks in (behind.labels, behind.annotations)
        )
        consumer = Consumer(
            namespace=space,
            secret=name,
            type=manifest.type,
            workload=workload,
            labels=carried({k: v for k, v in labels.items() if "${" not in v}),
            annotations=carried({k: v for k, v in annotations.items() if "${" not in v}),
            immutable=manifest.immutable,
        )
        return _Made(consumer=consumer, tree=tree, changed=changed, readers=readers)

    def _free(self, consumer: Consumer, path: str, where: str, file: str) -> bool:
        place = (consumer.namespace, consumer.secret)
        if place in self.options.taken:
            self.into.there.append(file or path)
            return False
        if place in self._made:
            if self._made[place] != path:
                why = f"its name is taken: {place[0]}/{place[1]} of {self._made[place]}; name the folder of one cluster"
                self.into.leave(where, why, file)
            return False
        self._made[place] = path
        return True

    def _add(self, path: str, manifest: Manifest, group: Sequence[_Made], kept: bytes | None) -> None:
        consumers = tuple(each.consumer for each in group)
        entry = secret_entry(group[0].tree, consumers)
        # A value in the clear becomes a secret of Vault, and `check` wants those sealed: so the file is sealed anew.
        if kept is not None and not group[0].changed and not (manifest.clear and manifest.tree):
            suffix = path[path.rindex(".") :]
            stem = slug(path.rsplit("/", 1)[-1].split(".")[0]) if manifest.key else entry.file.split(".")[0]
            middle = ".sops" if manifest.key else ".secret.sops"
            entry = replace(entry, tree=None, copied=kept, key=manifest.key, file=f"{stem}{middle}{suffix}")
        if is_hashed(manifest):
            self.into.shown.append(
                f"{entry.name}: kustomize ends its name with a hash of its values; made from Vault it is called "
                f"{consumers[0].secret}, and what reads it is rolled out once, when its file is removed there"
            )
        readers = tuple(dict.fromkeys(reader for each in group for reader in each.readers))
        entry = self.described(entry, path, {**manifest.labels, **manifest.annotations}, readers)
        self.into.add(self._before_vault(entry, manifest, readers))

    def described(
        self, entry: Found, path: str, marks: Mapping[str, str], readers: Sequence[Reader] = ()
    ) -> Found:
        """With where it came from, whose it is and what it is for, as far as the tree says."""
        self._owners = self._owners or Owners(self.files)
        purpose = self.options.purpose or purpose_of(marks)
        if not purpose and entry.consumers:
            names = ", ".join(map(str, readers[:3]))
            purpose = f"{entry.consumers[0].secret}, read by {names}" if names else ""
            purpose = purpose or f"Secret {entry.consumers[0].secret} of {path}"
        owner = self.options.owner or owner_of(marks) or self._owners.of(path)
        return replace(entry, origin=path, owner=owner, purpose=purpose)

    def is_there(self, entry: Found) -> bool:
        """Whether an earlier import took it; for what no consumer tells apart."""
        if entry.path in self.options.paths:
            self.into.there.append(entry.origin or entry.file)
            return True
        return False

    def _before_vault(self, entry: Found, manifest: Manifest, readers: Sequence[Reader]) -> Found:
        """Class bootstrap, by rules: what fetches the platform itself cannot wait for Vault."""
        first = entry.consumers[0]
        fetching = next((str(each) for each in readers if each.kind in FETCHES), "")
        kind = manifest.labels.get("argocd.argoproj.io/secret-type", "")
        why = f"{fetching} reads it" if fetching else ""
        why = why or (f"Argo CD's {kind} credential" if kind in ("repository", "repo-creds") else "")
        if not why and manifest.type in _PULLS and first.namespace in self.options.platform:
            why = f"images of {first.namespace} are pulled with it"
        if not why:
            return entry
        if first.namespace not in self.options.platform:
            self.into.shown.append(
                f"{entry.name}: {why}, so it may be needed before Vault; to have it then, declare {first.namespace} "
                "under components.platform of bootstrap.yaml before the import"
            )
            return entry
        self.into.shown.append(f"{entry.name}: class bootstrap, since {why}: needed before Vault")
        copy = BootstrapCopy(namespace=first.namespace, name=f"{first.secret}-bootstrap", type=first.type)
        return replace(entry, scaffold=copy)

    def _read_by(self, root: str, name: str) -> tuple[Reader, ...]:
        self._readers = self._readers or Readers(self.live)
        return self._readers.of(root, name)

    # ---------------------------------------------------------------- variables

    def _variables(self, of: Substitution) -> dict[str, tuple[Sensitive, bool]]:
        """Name to value, and whether it comes from a Secret: such a one never becomes part of a name."""
        found: dict[str, tuple[Sensitive, bool]] = {}
        for source in of.sources:
            found |= self._from(source)
        return found | {name: (Sensitive(value.encode(), name), False) for name, value in of.given.items()}

    def _from(self, source: Source) -> dict[str, tuple[Sensitive, bool]]:
        if source.kind == "Secret":
            known = self._secrets.get(source.name, ())
            chosen = [m for m in known if m.namespace in ("", source.namespace)] or known
            return {
                name: (_decoded(value) if part == "data" else value, True)
                for manifest in chosen[:1]
                for part, name, value in manifest.values()
            }
        for path, roads in self.live.roads.items():
            if roads and path.endswith((".yaml", ".yml")) and path in self.files.blobs:
                for document in self.live.documents.of(path):
                    if (
                        document.get("kind") == "ConfigMap"
                        and text(mapping(document.get("metadata")).get("name")) == source.name
                    ):
                        return {
                            k: (Sensitive(v.encode(), k), False)
                            for k, v in texts(document.get("data")).items()
                        }
        return {}


def is_hashed(manifest: Manifest) -> bool:
    """Whether kustomize gives it another name with each value."""
    return manifest.annotations.get("kustomize.config.k8s.io/needs-hash") == "true"


def _behind(manifest: Manifest, use: Use) -> Patched:
    """Its labels and annotations as they are applied."""
    own = Patched(labels=dict(manifest.labels), annotations=dict(manifest.annotations))
    return patched(manifest.name, manifest.namespace, own, use.steps)


def _is_literal(found: Patched) -> bool:
    """True where a mark keeps Flux from filling in variables."""
    return "disabled" in (found.labels.get(_LITERAL), found.annotations.get(_LITERAL))


def _decoded(value: Sensitive) -> Sensitive:
    try:
        return value.from_base64()
    except ValueError:
        return value


def _filled(name: str, given: Mapping[str, Sensitive]) -> str:
    if "${" not in name:
        return name
    found, lacking = substituted(Sensitive(name.encode(), "name"), given)
    return name if lacking else shown(found)


def _substituted(
    manifest: Manifest, given: Mapping[str, Sensitive], *, literal: bool
) -> tuple[Mapping[str, Opened], bool, tuple[str, ...]]:
    """The values as Flux applies them, whether one is another now, and the variables that stay open. Base64 hides a
    variable from Flux."""
    block = manifest.tree.get("stringData")
    if literal or not isinstance(block, dict):
        return manifest.tree, False, ()
    lacking: list[str] = []
    made: dict[str, Opened] = {}
    for name, value in block.items():
        made[name] = value
        if isinstance(value, Sensitive) and (variables(value) or given):
            made[name], open_ones = substituted(value, given)
            lacking += open_ones
    changed = any(made[name] != value for name, value in block.items())
    return {**manifest.tree, "stringData": made}, changed, tuple(dict.fromkeys(lacking))


def _alike(made: Sequence[_Made]) -> list[list[_Made]]:
    """Together where the values are the same: one entry with several consumers."""
    groups: list[list[_Made]] = []
    for each in made:
        same = next((group for group in groups if _same(group[0].tree, each.tree)), None)
        if same is None:
            groups.append([each])
        else:
            same.append(each)
    return groups


def _same(one: Mapping[str, Opened], other: Mapping[str, Opened]) -> bool:
    return one is other or all(one.get(part) == other.get(part) for part in ("data", "stringData"))
