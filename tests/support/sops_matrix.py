"""What the real `sops` is asked to encrypt: every form, every kind of recipient, every rule."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bootstrap.adapters.age import root as age
from bootstrap.adapters.age.root import AgeRoot
from bootstrap.adapters.openpgp.keys import PgpRoot
from bootstrap.intent.encryption_forms import Form
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import RootKey
from tests.support.real_sops import Gpg, gpg_home, real_tools, run

FIRST, SECOND = age.generate(), age.generate()
ROOT = AgeRoot([r.export().reveal().decode().strip() for r in (FIRST, SECOND)])
RECIPIENTS = ("age", "pgp", "both", "groups", "groups-2-of-3")
RULES = {
    "none": "",
    "encrypted_regex": "encrypted_regex: ^(password|stringData)$",
    "unencrypted_regex": "unencrypted_regex: ^(name|kind|section)$",
    "encrypted_suffix": "encrypted_suffix: word",
    "unencrypted_suffix": "unencrypted_suffix: _plain",
    "mac_only_encrypted": "mac_only_encrypted: true, encrypted_suffix: word",
}
TREE = {
    "kind": "Secret",
    "password": "p@ss: 'w' #1 ü€😀",
    "name": "app",
    "x_plain": "seen",
    "empty": "",
    "nothing": None,
    "count": 5432,
    "ratio": 1.5,
    "on": True,
    "off": False,
    "large": 9007199254740991,
    "negative": -12,
    "tiny": 0.000001,
    "nested": {"none": {}, "deep": {"er": ["a", [], {}]}},
    "stringData": {"pem": "-----BEGIN X-----\nYWJj\n-----END X-----\n", "keyword": "k"},
    "list": ["one", {"password": "two", "name": "three"}, ["four", 7]],
}
PLAIN: dict[Form, bytes] = {
    Form.YAML: json.dumps(TREE).encode(),
    Form.JSON: json.dumps(TREE).encode(),
    Form.DOTENV: (
        "# head\nkind=Secret\npassword=p@ss #1 = ü€\nname=a b \nx_plain=seen\nkeyword=two\\nlines\nempty=\n"
    ).encode(),
    Form.INI: (
        b"; head\n[section]\nkind = Secret\npassword = `p@ss #1 ; = two`\nx_plain = seen\n"
        b'[stringData]\nname = app\nkeyword = "  spaced"\nempty =\n'
    ),
    Form.BINARY: bytes(range(256)) * 3,
}
EXPECTED: dict[Form, object] = {
    Form.DOTENV: {
        "kind": "Secret", "password": "p@ss #1 = ü€", "name": "a b ", "x_plain": "seen",
        "keyword": "two\nlines", "empty": "",
    },
    Form.INI: {
        "section": {"kind": "Secret", "password": "p@ss #1 ; = two", "x_plain": "seen"},
        "stringData": {"name": "app", "keyword": "  spaced", "empty": ""},
    },
    Form.BINARY: {"data": bytes(range(256)) * 3},
}  # fmt: skip


@dataclass(frozen=True)
class Real:
    """The program, a GnuPG home with one key, and where configurations are written."""

    sops: Path
    gpg: Gpg
    fingerprint: str
    pgp: PgpRoot
    folder: Path

    def encrypt(self, plain: bytes, form: Form, recipients: str, rule: str = "") -> bytes:
        config = self.folder / "sops.yaml"
        config.write_text(f"creation_rules:\n  - {{{self._keys(recipients)}{', ' * bool(rule)}{rule}}}\n")
        source = "json" if form is Form.YAML else form  # what YAML makes of a text is not what is tried here
        words = ("--config", str(config), "encrypt", "--input-type", source, "--output-type", form)
        return run(self.sops, *words, "/dev/stdin", given=plain, GNUPGHOME=str(self.gpg.home))

    def decrypt(self, sealed: bytes, form: Form, key: RootKey | None = None) -> bytes:
        """By the program, with an age root, or with what the GnuPG home holds."""
        words = ("decrypt", "--input-type", form, "--output-type", form, "/dev/stdin")
        text = key.export().reveal().decode() if isinstance(key, AgeRoot) else ""
        age_key = {"SOPS_AGE_KEY": text} if text else {}
        return run(self.sops, *words, given=sealed, GNUPGHOME=str(self.gpg.home), **age_key)

    def certificate(self) -> str:
        return self.gpg("--armor", "--export", self.fingerprint).decode()

    def _keys(self, recipients: str) -> str:
        one, two, pgp = FIRST.recipients[0], SECOND.recipients[0], self.fingerprint
        groups = f"key_groups: [{{age: [{one}]}}, {{pgp: [{pgp}]}}, {{age: [{two}]}}], shamir_threshold: 2"
        return {
            "age": f"age: {one}",
            "pgp": f"pgp: {pgp}",
            "both": f"age: '{one},{two}', pgp: {pgp}",
            "groups": f"key_groups: [{{age: [{one}]}}, {{age: [{two}]}}]",
            "groups-2-of-3": groups,
        }[recipients]

    def roots(self, recipients: str) -> list[RootKey]:
        some: dict[str, list[RootKey]] = {"pgp": [self.pgp], "both": [ROOT, self.pgp]}
        return some.get(recipients, [ROOT])


@contextmanager
def real_programs(folder: Path) -> Iterator[Real]:
    tools = real_tools()
    with gpg_home() as gpg:
        fingerprint = gpg.new_key("holder", "future-default", "default", "never")
        pgp = PgpRoot(Sensitive(gpg.secret(fingerprint)))
        yield Real(tools["sops"], gpg, fingerprint, pgp, folder)
