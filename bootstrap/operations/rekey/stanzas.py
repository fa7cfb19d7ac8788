"""The stanzas that wrap a SOPS file's data key, written anew in each of its forms; no other byte changes (S1)."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from bootstrap.adapters.openpgp import keys as openpgp
from bootstrap.adapters.root.root_key import encrypt_to
from bootstrap.adapters.sops.data_key import CLOUD, speaks_age
from bootstrap.adapters.sops.flat import PREFIX
from bootstrap.intent.encryption_forms import Form
from bootstrap.intent.selection import form_error
from bootstrap.model.sensitive import Sensitive

# What says who opens the file. Key groups go with it: from then on each holder opens it alone.
OLD_KEYS = ("age", "pgp", "hc_vault", *CLOUD, "key_groups", "shamir_threshold")
_YAML = re.compile(r"^sops:[ \t]*\n(?:[ \t]+.*\n|[ \t]*\n)*", re.MULTILINE)
_INI = re.compile(r"^\[sops\][ \t]*\n", re.MULTILINE)
_SECTION = re.compile(r"^\[", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stanzas:
    """``kind`` is age or pgp; each entry has the keys that ``sops`` looks for in one."""

    kind: str
    entries: tuple[Mapping[str, str], ...]

    def flat(self) -> list[tuple[str, str]]:
        """As dotenv and INI keep them: ``age__list_0__map_enc``, each on one line."""
        return [
            (f"{self.kind}__list_{number}__map_{name}", text.replace("\n", "\\n"))
            for number, entry in enumerate(self.entries)
            for name, text in entry.items()
        ]


def stanzas(key: Sensitive, recipients: Sequence[str]) -> Stanzas:
    """The data key, once for each recipient: ``age1...``, ``ssh-...`` or an armored certificate."""
    if speaks_age(recipients):
        entries = [{"recipient": r, "enc": encrypt_to([r], key).decode()} for r in recipients]
        return Stanzas(kind="age", entries=tuple(entries))
    made = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    names = [openpgp.certificates(r)[0].fingerprint.upper() for r in recipients]
    return Stanzas(
        kind="pgp",
        entries=tuple(
            {"created_at": made, "enc": encrypt_to([r], key).decode(), "fp": name}
            for r, name in zip(recipients, names, strict=True)
        ),
    )


def written(path: str, text: str, form: Form, new: Stanzas) -> str:
    """The file with ``new`` in the place of its old stanzas. DefinitionError E_SOPS_FORM for another layout."""
    return _WRITERS[form](path, text, new)


def _json(_: str, text: str, new: Stanzas) -> str:
    document = json.loads(text)
    rest = {name: value for name, value in document["sops"].items() if name not in OLD_KEYS}
    document["sops"] = {new.kind: list(new.entries), **rest}
    return json.dumps(document, indent="\t", ensure_ascii=False) + "\n"


def _yaml(path: str, text: str, new: Stanzas) -> str:
    """Every document has the same metadata."""
    text = text if text.endswith("\n") else f"{text}\n"
    found = list(_YAML.finditer(text))
    if not found:
        raise _layout(path)
    return _YAML.sub(lambda block: _yaml_block(block.group().splitlines()[1:], new), text)


def _yaml_block(lines: Sequence[str], new: Stanzas) -> str:
    made = [f"    {new.kind}:"]
    for entry in new.entries:
        for number, (name, value) in enumerate(entry.items()):
            made.append(f"        {' ' if number else '-'} {name}: {_scalar(value)}")
    return "\n".join(["sops:", *made, *_others(lines), ""])


def _scalar(value: str) -> str:
    if "\n" not in value:
        return json.dumps(value) if ":" in value else value
    return "|\n" + "\n".join(f"            {line}".rstrip() for line in value.strip().splitlines())


def _others(lines: Sequence[str]) -> list[str]:
    """Every entry of the metadata but the old keys, as it was written."""
    kept: list[str] = []
    indent = len(lines[0]) - len(lines[0].lstrip())
    keep = True
    for line in lines:
        if line.strip() and len(line) - len(line.lstrip()) == indent and not line.lstrip().startswith("-"):
            keep = line.split(":")[0].strip() not in OLD_KEYS
        if keep and line.strip():
            kept.append("    " + line[indent:])
    return kept


def _dotenv(_: str, text: str, new: Stanzas) -> str:
    """SOPS takes the keys of the metadata in any order."""
    kept = [line for line in text.splitlines() if not (line.startswith(PREFIX) and _old(line, PREFIX))]
    return "\n".join([*kept, *(f"{PREFIX}{name}={value}" for name, value in new.flat()), ""])


def _ini(path: str, text: str, new: Stanzas) -> str:
    begin = _INI.search(text)
    if begin is None:
        raise _layout(path)
    after = _SECTION.search(text, begin.end())
    end = after.start() if after else len(text)
    kept = [line for line in text[begin.end() : end].splitlines() if line.strip() and not _old(line)]
    lines = [*kept, *(f"{name} = {value}" for name, value in new.flat()), ""]
    return text[: begin.end()] + "\n".join(lines) + ("\n" if after else "") + text[end:]


def _old(line: str, prefix: str = "") -> bool:
    name = line.partition("=")[0].strip().removeprefix(prefix)
    return any(name == old or name.startswith((f"{old}__list_", f"{old}__map_")) for old in OLD_KEYS)


def _layout(path: str) -> Exception:
    return form_error(path, "its layout is not the one that sops writes", f"sops rotate --in-place {path}")


_WRITERS: Mapping[Form, Callable[[str, str, Stanzas], str]] = {
    Form.YAML: _yaml,
    Form.JSON: _json,
    Form.DOTENV: _dotenv,
    Form.INI: _ini,
    Form.BINARY: _json,
}
