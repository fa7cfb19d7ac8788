"""Where an intent repository lies: a folder, ``https://`` or ``ssh://``.

What ``git`` would also take is refused, because the server's identity is not proved (``http://``, ``git://``) or
because it runs a program (``ext::``). A password in a URL is refused and never shown.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit

from bootstrap.model.errors import DefinitionError

NAME: Final = re.compile(
    r"[A-Za-z0-9_][A-Za-z0-9._-]*"
)  # a user; a host, but for IPv6: never an option of ssh
ADDRESS: Final = re.compile(r"[0-9A-Fa-f:]+")
SCP: Final = re.compile(r"(?:(?P<user>[^@/:]+)@)?(?P<host>[^@/:]+|\[[^]/]+\]):(?P<path>[^:].*)")
SCHEME: Final = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://")
WAYS: Final = "give a folder, file:///PATH, https://HOST/PATH, ssh://USER@HOST/PATH or USER@HOST:PATH"


class Transport(StrEnum):
    FOLDER = "folder"
    HTTPS = "https"
    SSH = "ssh"


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """``text`` is what ``--repo`` takes; ``shown`` has no user. ``path`` is a folder here or on the server."""

    kind: Transport
    text: str
    shown: str
    path: str
    host: str = ""
    port: int = 0  # 0: the scheme's own
    user: str = ""

    @property
    def folder(self) -> Path | None:
        return Path(self.path) if self.kind is Transport.FOLDER else None


def parse_location(text: str) -> Location:
    """DefinitionError E_REPO_URL for whatever is not one of the ways; it never shows what could be a secret."""
    if any(ord(letter) < 0x20 or ord(letter) == 0x7F for letter in text):
        raise _refused("the location of the repository holds a control character")
    if found := SCHEME.match(text):
        return _url(text, found["scheme"].lower())
    head = text.partition("/")[0]
    if ":" not in head:
        return Location(kind=Transport.FOLDER, text=str(Path(text).absolute()), shown=text, path=text)
    if (found := SCP.fullmatch(text)) is None:
        raise _refused("the location of the repository is neither a folder nor a URL")
    host, user = _host(found["host"].strip("[]")), _user(found["user"] or "")
    shown = f"{host}:{found['path']}"
    return Location(kind=Transport.SSH, text=text, shown=shown, path=found["path"], host=host, user=user)


def _url(text: str, scheme: str) -> Location:
    if scheme not in ("file", "https", "ssh"):
        why = "nobody proves who answers" if scheme in ("http", "git") else "it is not a way to a repository"
        raise _refused(f"{scheme}:// is refused: {why}")
    try:
        url = urlsplit(text)
        port = url.port or 0
    except ValueError:
        raise _refused("the URL of the repository is not a whole one") from None
    if url.password is not None:
        raise _refused(
            "the URL of the repository holds a password, which other programs can see",
            "take it out, and give --git-token fd:N or file:PATH",
        )
    if url.query or url.fragment:
        raise _refused("the URL of the repository has more than a path")
    if scheme == "file":
        if url.netloc:
            raise _refused("file:// names another host")
        path = unquote(url.path)
        return Location(kind=Transport.FOLDER, text=str(Path(path).absolute()), shown=path, path=path)
    return _remote(text, Transport(scheme), url, port)


def _remote(text: str, kind: Transport, url: SplitResult, port: int) -> Location:
    host, user = _host(url.hostname or ""), _user(url.username or "")
    path = unquote(url.path) if kind is Transport.SSH else url.path
    if not path.strip("/"):
        raise _refused("the URL of the repository has no path")
    at = (f"[{host}]" if ":" in host else host) + (f":{port}" if port else "")
    shown = f"{kind}://{at}{url.path}"
    return Location(kind=kind, text=text, shown=shown, path=path, host=host, port=port, user=user)


def _host(host: str) -> str:
    if not NAME.fullmatch(host) and not (":" in host and ADDRESS.fullmatch(host)):
        raise _refused("the location of the repository names no host that can be")
    return host


def _user(user: str) -> str:
    if user and not NAME.fullmatch(user):
        raise _refused("the location of the repository names a user that cannot be")
    return user


def _refused(message: str, hint: str = WAYS) -> DefinitionError:
    return DefinitionError(message, code="E_REPO_URL", where="--repo", hint=hint)
