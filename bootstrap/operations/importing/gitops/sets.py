"""An ApplicationSet of Argo CD as the Applications that it makes, as far as this repository alone says which."""

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from bootstrap.operations.importing.gitops.documents import (
    Document,
    Documents,
    mapping,
    mappings,
    text,
    texts,
)

_TEMPLATE = re.compile(r"\{\{-?\s*(?:index\s+\.path\.segments\s+(\d+)|\.?([A-Za-z0-9_.\[\]-]+))\s*-?\}\}")


def applications(document: Document, documents: Documents, folders: Sequence[str]) -> Iterator[Document]:
    """What has no parameter stays a template, and names no folder."""
    spec = mapping(document.get("spec"))
    template = {"metadata": document.get("metadata"), **mapping(spec.get("template"))}
    for given in _of_all(spec.get("generators"), documents, folders):
        yield mapping(_filled(template, given))


def _of_all(generators: Any, documents: Documents, folders: Sequence[str]) -> Iterator[dict[str, str]]:
    for generator in mappings(generators):
        yield from _parameters(generator, documents, folders)


def _parameters(
    generator: Document, documents: Documents, folders: Sequence[str]
) -> Iterator[dict[str, str]]:
    """Of lists, of the repository's folders and files, and of what is put together from these."""
    for element in mappings(mapping(generator.get("list")).get("elements")):
        yield _flat(element)
    git = mapping(generator.get("git"))
    more = {f"values.{name}": value for name, value in texts(git.get("values")).items()}
    for folder in _chosen(folders, mappings(git.get("directories")), _in_folder):
        yield {**_of_path(folder), **more}
    for path in _chosen(documents.files.paths, mappings(git.get("files")), _in_any_folder):
        for content in documents.of(path):
            yield {
                **_flat(content),
                **_of_path(posixpath.dirname(path)),
                "path.filename": path.split("/")[-1],
                **more,
            }
    for name in ("matrix", "merge"):
        parts = mappings(mapping(generator.get(name)).get("generators"))
        made = [list(_parameters(each, documents, folders)) for each in parts]
        keys = mapping(generator.get(name)).get("mergeKeys")
        yield from (
            _product(made) if name == "matrix" else _merged(made, keys if isinstance(keys, list) else [])
        )


def _product(made: Sequence[list[dict[str, str]]]) -> Iterator[dict[str, str]]:
    """A generator without anything known here, such as one of clusters, leaves its own parameters open."""
    found: list[dict[str, str]] = [{}] if made else []
    for parameters in made:
        found = [{**one, **other} for one in found for other in parameters or [{}]]
    yield from found


def _merged(made: Sequence[list[dict[str, str]]], keys: Sequence[Any]) -> Iterator[dict[str, str]]:
    for base in made[0] if made else ():
        found = dict(base)
        for others in made[1:]:
            for other in others:
                if all(other.get(str(key)) == base.get(str(key)) for key in keys):
                    found |= other
        yield found


def _chosen(paths: Sequence[str], patterns: Sequence[Document], fits: Any) -> Iterator[str]:
    taken = [text(each.get("path")) for each in patterns if not each.get("exclude")]
    left = [text(each.get("path")) for each in patterns if each.get("exclude")]
    for path in paths:
        if any(fits(path, each) for each in taken) and not any(fits(path, each) for each in left):
            yield path


def _in_folder(folder: str, pattern: str) -> bool:
    return folder.count("/") == pattern.count("/") and fnmatchcase(folder, pattern)


def _in_any_folder(path: str, pattern: str) -> bool:
    """``**`` stands for any number of folders, ``*`` for a part of one name."""
    signs = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", pattern)
    return re.fullmatch("".join(signs.get(part, re.escape(part)) for part in parts), path) is not None


def _of_path(folder: str) -> dict[str, str]:
    base = posixpath.basename(folder)
    normal = re.sub(r"[^a-z0-9.-]+", "-", base.lower()).strip("-.")
    named = {f"path[{n}]": part for n, part in enumerate(folder.split("/"))}
    return {
        "path": folder,
        "path.path": folder,
        "path.basename": base,
        "path.basenameNormalized": normal,
        **named,
    }


def _flat(content: Mapping[str, Any], above: str = "") -> dict[str, str]:
    """``{a: {b: c}}`` as ``a.b``, by which a template names it."""
    found: dict[str, str] = {}
    for name, value in content.items():
        if isinstance(value, dict):
            found |= _flat(value, f"{above}{name}.")
        else:
            found |= {f"{above}{key}": each for key, each in texts({name: value}).items()}
    return found


def _filled(value: Any, given: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {name: _filled(each, given) for name, each in value.items()}
    if isinstance(value, list):
        return [_filled(each, given) for each in value]
    if not isinstance(value, str):
        return value
    return _TEMPLATE.sub(lambda m: given.get(f"path[{m[1]}]" if m[1] else m[2], m[0]), value)
