"""An intent repository whose every value is known, so that each can be looked for."""

import secrets
from dataclasses import dataclass
from pathlib import Path

from bootstrap.adapters.root.holders import read_holders
from bootstrap.adapters.root.root_key import encrypt_to
from bootstrap.adapters.sops.writer import encrypt_yaml
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Opened
from tests.support.program import commit_all


def _text() -> str:
    """No part of it is one of another run's, which may write its own into the same folders meanwhile."""
    return f"c{secrets.token_hex(18)}"


@dataclass(frozen=True)
class Canaries:
    """Values of the platform's first secrets. ``needles`` are what a leak would show of each."""

    session: str
    token: str
    pem: str
    superuser: str
    deploy: str
    frame: str
    pin: str
    binary: bytes

    @staticmethod
    def new() -> "Canaries":
        body = "\n".join(secrets.token_hex(32) for _ in range(3))
        pin = "".join(secrets.choice("123456789") for _ in range(14))
        return Canaries(
            session=_text(),
            # What templates, shells, printf, URLs and YAML would trip over.
            token=_text() + "-%s%n%2e-'\"\\-{{ .Values.x }}-$(id)-`id`-#: &*!|>-<b>-ü",
            pem=f"-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n",
            superuser=_text(),
            deploy=_text(),
            frame=f'{{"device":"door","pin":"{pin}","tries":3}}',
            pin=pin,
            binary=b"\x00\xff\xfe" + secrets.token_bytes(58) + b"\x84\x0a\x00",
        )

    @property
    def needles(self) -> dict[str, bytes]:
        return {
            "session": self.session.encode(),
            "token": self.token.encode(),
            "start of the token": self.token[:38].encode(),
            "a line of the PEM": self.pem.splitlines()[2].encode(),
            "superuser": self.superuser.encode(),
            "deploy": self.deploy.encode(),
            "PIN inside a frame": self.pin.encode(),
            "binary": self.binary,
            "middle of the binary": self.binary[8:40],
        }


def plant(repository: Path, keys: Path, canaries: Canaries) -> None:
    """The scaffold's encrypted files made anew with these values, and committed; ``keys`` is where `keygen` wrote."""
    to = read_holders(keys).recipients

    def hidden(text: str) -> Sensitive:
        return Sensitive(text.encode(), "canary")

    superuser = {"username": "postgres", "password": canaries.superuser, "host": "postgres", "port": "5432"}
    webhook: Opened = {"url": hidden("https://paging.example/hook"), "token": hidden(canaries.frame)}
    files = {
        "gitops.sops.yaml": encrypt_yaml(
            {"deploy": {"username": hidden("deploy"), "password": hidden(canaries.deploy)}}, to
        ),
        "orders.sops.yaml": encrypt_yaml(
            {
                "session": hidden(canaries.session),
                "payment": {"token": hidden(canaries.token)},
                "signing": hidden(canaries.pem),
            },
            to,
        ),
        "database.sops.yaml": encrypt_yaml({"superuser": {k: hidden(v) for k, v in superuser.items()}}, to),
        "alert-webhook.secret.sops.yaml": encrypt_yaml(
            {
                "apiVersion": hidden("v1"),
                "kind": hidden("Secret"),
                "metadata": {"name": hidden("alert-webhook")},
                "stringData": webhook,
            },
            to,
            encrypted_regex="^(data|stringData)$",
        ),
        "identity-hmac-key.age": encrypt_to(to, Sensitive(canaries.binary, "canary")),
    }
    for name, content in files.items():
        (repository / "encrypted" / name).write_bytes(content)
    commit_all(repository, "Values that a test knows")
