"""Login plugins of a kubeconfig (client-go credential plugins), in a closed environment.

Protocol: kubernetes.io/docs/reference/access-authn-authz/authentication, "client-go credential plugins".
The plugin sees ``PATH``, what its own ``env:`` says, and ``KUBERNETES_EXEC_INFO``; nothing else of ours.
"""

import json
import os
import subprocess
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bootstrap.model.errors import PreconditionError
from bootstrap.model.outside import json_value
from bootstrap.model.sensitive import Sensitive

VERSIONS = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")
DEADLINE = 60.0  # seconds; a plugin may have to talk to its provider
_MOST_WORDS = 300  # characters of a plugin's that are shown
EARLY = timedelta(seconds=60)  # renewed this long before it expires


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """What a plugin answered. ``expires`` is None when the plugin does not say."""

    token: Sensitive | None = None
    certificate: bytes = b""
    key: Sensitive | None = None
    expires: datetime | None = None


class ExecPlugin:
    """One ``exec:`` entry; remembers its credential until shortly before it expires."""

    def __init__(self, *, entry: Mapping[str, Any], cluster: Mapping[str, Any], folder: Path) -> None:
        self._entry = entry
        self._cluster = cluster
        self._folder = folder
        self._held: Credential | None = None
        self._lock = threading.Lock()
        if str(entry.get("apiVersion")) not in VERSIONS or not entry.get("command"):
            raise self._failed(f"it needs command and apiVersion (one of {', '.join(VERSIONS)})")
        listed = [entry.get("args") or [], entry.get("env") or []]
        if not all(isinstance(each, list) for each in listed) or not all(map(_is_variable, listed[1])):
            raise self._failed("its args are a list, and its env a list of name and value")
        if entry.get("interactiveMode") == "Always":
            raise self._failed("it asks for a terminal (interactiveMode: Always)")

    def credential(self) -> Credential:
        """The current credential, asking the plugin when there is none or it is about to expire."""
        with self._lock:
            held = self._held
            if held is None or (held.expires and held.expires - EARLY <= datetime.now(UTC)):
                held = self._held = self._ask()
            return held

    def _ask(self) -> Credential:
        try:
            done = subprocess.run(  # noqa: S603  (the kubeconfig that the user named says what to run; no shell)
                [self._command(), *map(str, self._entry.get("args") or [])],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                cwd=self._folder,
                env=self._environment(),
                timeout=DEADLINE,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise self._failed(f"no answer within {DEADLINE:.0f} seconds") from None
        except OSError as error:
            raise self._failed(error.strerror or "it cannot be started") from None
        except ValueError:
            raise self._failed("its command, args or env hold a character that none may hold") from None
        if done.returncode != 0:
            raise self._failed(f"it ended with code {done.returncode}{_words(done.stderr)}")
        return self._parse(done.stdout)

    def _command(self) -> str:
        """Plain names are found on PATH; a name with a slash is relative to the kubeconfig, as in kubectl."""
        command = str(self._entry["command"])
        return str(self._folder.resolve() / command) if "/" in command else command

    def _environment(self) -> dict[str, str]:
        listed = [item for item in self._entry.get("env") or [] if isinstance(item, dict) and "name" in item]
        declared = {str(item["name"]): str(item.get("value") or "") for item in listed}
        spec: dict[str, Any] = {"interactive": False}
        if self._entry.get("provideClusterInfo"):
            wanted = ("server", "tls-server-name", "certificate-authority-data", "proxy-url")
            spec["cluster"] = {key: self._cluster[key] for key in wanted if key in self._cluster}
        info = {"apiVersion": self._entry["apiVersion"], "kind": "ExecCredential", "spec": spec}
        path = os.environ.get("PATH", os.defpath)
        return {"PATH": path, **declared, "KUBERNETES_EXEC_INFO": json.dumps(info)}

    def _parse(self, answer: bytes) -> Credential:
        try:
            document = json_value(answer)
            status = document["status"]
            same = document["apiVersion"] == self._entry["apiVersion"]
            expires = status.get("expirationTimestamp")
            moment = datetime.fromisoformat(expires) if expires else None
        except (ValueError, KeyError, TypeError, AttributeError):
            raise self._failed("its answer is not an ExecCredential") from None
        if not same:
            raise self._failed("it answers in another version of the protocol")
        if moment is not None and moment.tzinfo is None:
            raise self._failed("its expirationTimestamp has no time zone (RFC 3339 wants one, such as Z)")
        token, key = str(status.get("token") or "").strip(), status.get("clientKeyData")
        certificate = str(status.get("clientCertificateData") or "")
        if not token and not (key and certificate):
            raise self._failed("its answer holds neither a token nor a certificate with its key")
        if not (
            token.isascii() and token.isprintable() and certificate.isascii() and str(key or "").isascii()
        ):
            raise self._failed("its answer holds a character that no token and no PEM has")
        return Credential(
            token=Sensitive(token.encode(), "bearer token") if token else None,
            certificate=certificate.encode(),
            key=Sensitive(str(key).encode(), "client key") if key else None,
            expires=moment,
        )

    def _failed(self, why: str) -> PreconditionError:
        command = str(self._entry.get("command", "(no command)"))
        return PreconditionError(
            f"the kubeconfig's login plugin {command!r} failed: {why}",
            code="E_KUBE_EXEC",
            where=str(self._folder),
            hint=self._install_hint or f"run {command!r} by hand; it sees PATH and the entry's own env: only",
        )

    @property
    def _install_hint(self) -> str:
        """What the kubeconfig says on where to get the plugin, which is most often missing or old."""
        return _printable(str(self._entry.get("installHint") or ""))


def _is_variable(item: Any) -> bool:
    """An entry without content is as good as none, for kubectl too."""
    return not item or (isinstance(item, dict) and bool(item.get("name")))


def _words(stderr: bytes) -> str:
    """The last line that a plugin wrote for the person before it; its answer is never shown."""
    lines = [line for line in map(_printable, stderr.decode("utf-8", "replace").splitlines()) if line]
    return f": {lines[-1]}" if lines else ""


def _printable(text: str) -> str:
    return "".join(character for character in text if character.isprintable()).strip()[:_MOST_WORDS]
