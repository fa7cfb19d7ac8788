"""Values that the catalog introduces as secret and that stand in the clear inside a SOPS file (INV2, S3).

Judged without any key: the file's own rule says which of its values are encrypted. An empty text, which SOPS
leaves as it is, is not looked at here.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bootstrap.intent.findings import Finding, of_error
from bootstrap.intent.selection import Selection, selection
from bootstrap.intent.yaml_source import Loc, Located, load_documents
from bootstrap.model.catalog import Intent, Secret, Source
from bootstrap.model.errors import DefinitionError
from bootstrap.ports import IntentRepository

_SEALED = "ENC[AES256_GCM,"
_YAML = (".yaml", ".yml", ".json")
# A line of YAML, as sops writes it, that holds a ciphertext or begins a mapping or a list.
_NOTHING_CLEAR = re.compile(
    rb"\s*+(?:- )*+(?:[^{}\[\],]*:(?: (?=E)|$))?(?:ENC\[AES256_GCM,[^{}\[\]]*\])?|\s*#.*"
)
_KIND = re.compile(rb"""^kind: (['"]?)Secret\1$""", re.MULTILINE)
_BEGINS = re.compile(rb"^(?:data|stringData)\b|^[^\sA-Za-z#]", re.MULTILINE)  # or anything but a plain key
_BLOCK = re.compile(rb"^(?:data|stringData):\n((?: +[^\n]*(?:\n|\Z))*)", re.MULTILINE)
_IN_LIST = re.compile(r"^items\.\d+\.")
_TABS = re.compile(rb"^\t+", re.MULTILINE)
_TAKE_IN = "let the rule in .sops.yaml take it in, then sops decrypt and sops encrypt the file; and replace the value"
_SEAL = "put it back with `sops edit`, and replace the value: Git's history keeps it"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Leaf:
    """``path`` without positions in lists, which SOPS does not count; ``name`` is dotted, with them."""

    name: str
    path: tuple[str, ...]
    text: str
    where: str


def judge(repository: IntentRepository, intent: Intent) -> Iterator[Finding]:
    """E_SOPS_PLAIN with ``file:line``; DefinitionError's findings where the form of a file is not known."""
    wanted: dict[str, list[Secret]] = {}
    for secret in intent.secrets:
        if secret.source and secret.source.file in intent.blobs:
            wanted.setdefault(secret.source.file, []).append(secret)
    for path, secrets in sorted(wanted.items()):
        data = repository.read(path).replace(
            b"\r\n", b"\n"
        )  # as Git may have committed it; sops reads over it
        if not _plainly_sealed(path, data, secrets):
            yield from _one(path, data, secrets)


def _plainly_sealed(path: str, data: bytes, secrets: list[Secret]) -> bool:
    """True for what needs no look inside: most files hold ciphertexts alone, and parsing is the slow half."""
    if not path.endswith((*_YAML, ".env", ".ini")):
        return True  # raw, or SOPS binary: one value, sealed as a whole
    if not path.endswith((".yaml", ".yml")):
        return False
    body = data.split(b"\nsops:", 1)[0]
    keys = [s.source.key for s in secrets if s.source]
    if b"\n---" not in body and all(k is None or k.startswith(("data.", "stringData.")) for k in keys):
        body = _values_of_manifest(body)
    return all(map(_NOTHING_CLEAR.fullmatch, body.split(b"\n")))


def _values_of_manifest(body: bytes) -> bytes:
    """Of a Secret manifest, as ``sops`` writes it, the lines below ``data`` and ``stringData``; else all."""
    blocks = _BLOCK.findall(body)
    if not blocks or _KIND.search(body) is None or len(blocks) != len(_BEGINS.findall(body)):
        return body
    return b"\n".join(blocks)


def _one(path: str, data: bytes, secrets: list[Secret]) -> Iterator[Finding]:
    try:
        leaves, rule = _FORMS[path[path.rindex(".") :]](path, data)
    except DefinitionError as error:
        yield of_error(error, path)
        return
    if rule is None:
        return  # not of SOPS: reported where its form is judged
    clear = [leaf for leaf in leaves if leaf.text and not (_sealed(leaf) and rule.encrypted(leaf.path))]
    kinds = {leaf.name: leaf.text for leaf in leaves if leaf.path in (("kind",), ("items", "kind"))}
    for secret in secrets:
        assert secret.source is not None
        for leaf in clear:
            if _introduced(secret.source, leaf, kinds):
                why, hint = _why(leaf, rule)
                message = f"{secret.name}: {leaf.name} stands in the clear: {why}"
                yield Finding(id="E_SOPS_PLAIN", where=leaf.where, message=message, hint=hint)


def _sealed(leaf: _Leaf) -> bool:
    return leaf.text.startswith(_SEALED)


def _why(leaf: _Leaf, rule: Selection) -> tuple[str, str]:
    """The reason, and what to do."""
    if rule.encrypted(leaf.path):
        return "the file's rule says that it is encrypted, and it is not", _SEAL
    return f"the file's rule {rule.name}: {rule.text} leaves it out", _TAKE_IN


def _introduced(source: Source, leaf: _Leaf, kinds: Mapping[str, str]) -> bool:
    """Whether the catalog takes this leaf for a secret; of a Secret manifest it takes the values alone."""
    within = source.key or ""
    if within and leaf.name != within and not leaf.name.startswith(f"{within}."):
        return False
    inner = leaf.name.removeprefix(f"{within}.")
    of_file = f"{within}.kind" if within else "kind"
    if kinds.get(of_file) == "List":
        inner = _IN_LIST.sub("", inner)
    if kinds.get(of_file) in ("Secret", "List"):
        return inner.startswith(("data.", "stringData."))
    return True


# ---------------------------------------------------------------- the forms


def _documents(path: str, data: bytes) -> tuple[list[_Leaf], Selection | None]:
    """YAML, and JSON, which is YAML but for the tabs that ``sops`` indents with: no text can hold one there."""
    text = _TABS.sub(b" ", data) if path.endswith(".json") else data
    found = load_documents(path, text, written_by_us=False)
    leaves: list[_Leaf] = []
    rule: Selection | None = None
    for number, document in enumerate(found):
        tree = document.value
        if not isinstance(tree, dict):
            continue
        metadata = tree.pop("sops", None)
        if number == 0 and isinstance(metadata, dict):
            rule = selection({k: v for k, v in metadata.items() if isinstance(v, str)}, path)
        prefix = f"{number}." if len(found) > 1 else ""
        leaves += _walk(document, tree, (), (), prefix)
    return leaves, rule


def _walk(document: Located, node: Any, loc: Loc, path: tuple[str, ...], prefix: str) -> Iterator[_Leaf]:
    if isinstance(node, dict):
        for name, value in node.items():
            yield from _walk(document, value, (*loc, name), (*path, name), prefix)
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _walk(document, value, (*loc, index), path, prefix)
    elif node is not None:
        name = prefix + ".".join(map(str, loc))
        yield _Leaf(name=name, path=path, text=str(node), where=document.where(loc))


def _lines(path: str, data: bytes) -> tuple[list[_Leaf], Selection | None]:
    """dotenv, and INI, whose sections are the first part of a path."""
    leaves: list[_Leaf] = []
    metadata: dict[str, str] = {}
    section = "DEFAULT"  # SOPS's name for what stands before the first one
    for number, line in enumerate(data.decode("utf-8", "replace").split("\n"), 1):
        text = line.strip()
        if text.startswith("[") and text.endswith("]"):
            section = text[1:-1]
        parted = re.split("[=:]" if path.endswith(".ini") else "=", text, maxsplit=1)
        if not text or text[0] in "#;[" or len(parted) < 2:
            continue
        key, value = parted[0].strip(" `"), parted[1].strip()
        if section == "sops" or key.startswith("sops_"):
            metadata[key.removeprefix("sops_")] = value
        else:
            parts = (section, key) if path.endswith(".ini") else (key,)
            name = ".".join(parts)
            leaves.append(_Leaf(name=name, path=parts, text=value, where=f"{path}:{number}"))
    return leaves, selection(metadata, path) if "mac" in metadata else None


_FORMS: Mapping[str, Callable[[str, bytes], tuple[list[_Leaf], Selection | None]]] = {
    **dict.fromkeys(_YAML, _documents),
    ".env": _lines,
    ".ini": _lines,
}
