"""Reads one context of a kubeconfig, the way kubectl would, but with nothing ambient.

Only the file that was named counts: no ``KUBECONFIG``, no ``~/.kube/config``, no in-cluster fallback, no
proxy from the environment. Embedded keys and certificates live in anonymous memory, never in a file.
Format: kubernetes.io/docs/reference/config-api/kubeconfig.v1
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

from bootstrap.adapters.kubernetes.exec_plugin import Credential, ExecPlugin
from bootstrap.adapters.local.memory_file import in_memory
from bootstrap.intent.manifests import documents_of
from bootstrap.model.errors import DefinitionError, PreconditionError

CONNECTIONS = 64  # kept; as many requests are under way at once (steps/context/flight.py)
MOST_BYTES = 4 << 20
NEVER_THESE = {
    "username": "basic authentication",
    "password": "basic authentication",
    "auth-provider": "the auth-provider entry",
    "as": "impersonation",
    "as-groups": "impersonation",
    "as-uid": "impersonation",
    "as-user-extra": "impersonation",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How to reach one cluster. ``configuration`` is the Kubernetes client's own configuration object."""

    context: str
    server: str
    configuration: Any


def load_kubeconfig(path: Path | None, context: str = "") -> Access:
    """The access that ``context`` (or the file's current one) describes.

    PreconditionError E_KUBECONFIG (no file, or not readable as one), E_CONTEXT (none, no such one, or several
    and none chosen), E_KUBE_TRUST (TLS would not be checked), E_KUBE_AUTH (a login that is not supported),
    E_KUBE_EXEC (the login plugin failed).
    """
    if path is None:
        raise PreconditionError(
            "no kubeconfig was given", code="E_KUBECONFIG", hint="add --kubeconfig PATH (and --context NAME)"
        )
    document = _document(path)
    name, entry = _context(document, context, path)
    cluster = _named(document, "clusters", "cluster", entry.get("cluster"), path)
    user = _named(document, "users", "user", entry.get("user"), path) if entry.get("user") else {}
    configuration = _configuration(cluster, path)
    _authenticate(configuration, user, cluster, path)
    return Access(context=name, server=str(cluster["server"]), configuration=configuration)


def _document(path: Path) -> dict[str, Any]:
    """Every part that is used is of its kind behind this: mappings are mappings, lists are lists of them."""
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise _unreadable(path, error.strerror or "cannot be read") from None
    if len(content) > MOST_BYTES:
        raise _unreadable(path, f"larger than {MOST_BYTES >> 20} MiB")
    try:
        document = next(iter(documents_of(str(path), content)), None)
    except DefinitionError:
        raise _unreadable(path, "not YAML") from None  # the parser quotes lines, and a line can hold a key
    if not isinstance(document, dict) or not isinstance(document.get("contexts"), list):
        raise _unreadable(path, "not a kubeconfig: it has no list of contexts")
    return document


def _unreadable(path: Path, why: str) -> PreconditionError:
    return PreconditionError(
        f"kubeconfig {path}: {why}", code="E_KUBECONFIG", where=str(path), hint="give --kubeconfig PATH"
    )


def _context(document: dict[str, Any], wanted: str, path: Path) -> tuple[str, dict[str, Any]]:
    entries = {
        str(item["name"]): item["context"]
        for item in document["contexts"]
        if isinstance(item, dict) and "name" in item and isinstance(item.get("context"), dict)
    }
    if not entries:
        raise PreconditionError(
            f"kubeconfig {path}: no context in it",
            code="E_CONTEXT",
            where=str(path),
            hint="give --kubeconfig PATH of a file that names a cluster, a user and a context of both",
        )
    name = wanted or str(document.get("current-context") or "")
    if not name and len(entries) == 1:
        name = next(iter(entries))
    known = ", ".join(sorted(entries))
    if not name:
        raise PreconditionError(
            f"several contexts and none is current: {known}",
            code="E_CONTEXT",
            where=str(path),
            hint="add --context NAME",
        )
    if name not in entries:
        raise PreconditionError(
            f"no context {name!r}; the file has: {known}",
            code="E_CONTEXT",
            where=str(path),
            hint="add --context NAME with one of these",
        )
    return name, entries[name]


def _named(document: dict[str, Any], section: str, key: str, name: Any, path: Path) -> dict[str, Any]:
    listed = document.get(section)
    for item in listed if isinstance(listed, list) else ():
        if isinstance(item, dict) and item.get("name") == name and isinstance(item.get(key), dict):
            found: dict[str, Any] = item[key]
            return found
    raise _unreadable(path, f"the context names {key} {name!r}, which is not in its {section}")


def _configuration(cluster: Mapping[str, Any], path: Path) -> Any:
    import certifi
    from kubernetes.client import Configuration

    server = str(cluster.get("server", ""))
    address = _address(server, path)
    if address.scheme != "https":
        raise _untrusted(path, f"the server {_shown(server)!r} is not https")
    if address.username or address.password:
        raise _unsupported("a login in the server's URL", path)
    if cluster.get("insecure-skip-tls-verify"):
        raise _untrusted(path, "insecure-skip-tls-verify is set")
    # Empty texts and not None: with None the client reads HTTPS_PROXY and NO_PROXY itself.
    configuration: Any = Configuration(host=server, proxy=_proxy(cluster, path), no_proxy="")
    # The library's own default would repeat PUT and DELETE after a lost answer, and follow redirects.
    configuration.retries = False
    configuration.connection_pool_maxsize = CONNECTIONS
    configuration.ssl_ca_cert = (
        _authority(_file(cluster, "certificate-authority", path), path) or certifi.where()
    )
    if cluster.get("tls-server-name"):
        configuration.tls_server_name = str(cluster["tls-server-name"])
    return configuration


def _proxy(cluster: Mapping[str, Any], path: Path) -> str:
    """An HTTP proxy, or none. A SOCKS proxy needs a library of its own, and is refused before it is asked for."""
    url = str(cluster.get("proxy-url") or "")
    if url and _address(url, path).scheme not in ("http", "https"):
        server = _address(str(cluster.get("server", "")), path)
        raise PreconditionError(
            f"kubeconfig {path}: proxy-url {_shown(url)!r} is no http:// or https:// proxy",
            code="E_KUBECONFIG",
            where=str(path),
            hint=f"forward a port: ssh -L 6443:{server.hostname}:{server.port or 443} HOST; then server: "
            f"https://127.0.0.1:6443, tls-server-name: {server.hostname}, and no proxy-url",
        )
    return url


def _address(url: str, path: Path) -> SplitResult:
    try:
        found = urlsplit(url)
        _ = found.port  # read when it is used, and refused then
    except ValueError:
        raise _unreadable(path, f"{_shown(url)!r} is no URL") from None
    return found


def _shown(url: str) -> str:
    """Without the login that may stand before the host; whether it is a whole URL is not known yet."""
    scheme, slashes, rest = url.rpartition("://")
    return f"{scheme}{slashes}{rest.rpartition('@')[2]}"


def _unsupported(what: str, path: Path) -> PreconditionError:
    return PreconditionError(
        f"the user entry needs {what}, which is not supported",
        code="E_KUBE_AUTH",
        where=str(path),
        hint="use a client certificate, a token, a tokenFile or an exec plugin",
    )


def _authority(file: str | None, path: Path) -> str | None:
    """A CA that cannot be read would look like a server that does not answer."""
    import ssl

    if file is not None:
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(file)
        except (ssl.SSLError, OSError):
            raise _unreadable(path, "certificate-authority is no certificate in PEM form") from None
    return file


def _check_pair(certificate: str | None, key: str | None, path: Path) -> None:
    """The same of the login: both halves, whole, and of one pair."""
    import ssl

    if certificate is None and key is None:
        return
    if certificate is None or key is None:
        missing = "client-certificate" if certificate is None else "client-key"
        raise _unreadable(path, f"{missing} is missing beside its other half")
    try:
        # A key that asks for a passphrase is refused: the function gives none.
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(certificate, key, password=lambda: b"")
    except ssl.SSLError as error:
        other = "KEY_VALUES_MISMATCH" in str(error)
        why = (
            "are not of one pair"
            if other
            else "are no certificate and private key in PEM form, without a passphrase"
        )
        raise _unreadable(path, f"client-certificate and client-key {why}") from None


def _untrusted(path: Path, why: str) -> PreconditionError:
    return PreconditionError(
        f"the API server's identity would not be checked: {why}",
        code="E_KUBE_TRUST",
        where=str(path),
        hint="use an https server with certificate-authority or certificate-authority-data",
    )


def _authenticate(
    configuration: Any, user: Mapping[str, Any], cluster: Mapping[str, Any], path: Path
) -> None:
    for field, what in NEVER_THESE.items():
        if user.get(field):
            raise _unsupported(f"{what} ({field})", path)
    configuration.cert_file = _file(user, "client-certificate", path)
    configuration.key_file = _file(user, "client-key", path)
    _check_pair(configuration.cert_file, configuration.key_file, path)
    if user.get("exec"):
        if not isinstance(user["exec"], dict):
            raise _unreadable(path, "exec is no mapping")
        plugin = ExecPlugin(entry=user["exec"], cluster=cluster, folder=path.parent)
        _use(configuration, plugin.credential(), path)
        configuration.refresh_api_key_hook = lambda target: _use(target, plugin.credential(), path)
    elif user.get("tokenFile"):
        token_file = path.parent / str(user["tokenFile"])
        # A mounted service-account token is renewed in place, so it is read again for each request.
        configuration.refresh_api_key_hook = lambda target: _bearer(target, _token(token_file))
        _bearer(configuration, _token(token_file))
    elif user.get("token"):
        token = str(user["token"]).strip()
        if not (token.isascii() and token.isprintable()):
            raise _unreadable(path, "token holds a character that no token has")
        _bearer(configuration, token)


def _bearer(configuration: Any, token: str) -> None:
    configuration.api_key["BearerToken"] = f"Bearer {token}"


def _use(configuration: Any, credential: Credential, path: Path) -> None:
    if credential.token:
        _bearer(configuration, credential.token.reveal().decode())
    if credential.certificate and credential.key and configuration.cert_file is None:
        certificate = in_memory(credential.certificate, "client-certificate")
        key = in_memory(credential.key.reveal(), "client-key")
        _check_pair(certificate, key, path)
        configuration.cert_file, configuration.key_file = certificate, key


def _token(path: Path) -> str:
    why = "it is no token"
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES)
        token = content.decode("ascii").strip()
        if token.isprintable():
            return token
    except OSError as error:
        why = error.strerror or "it is no file"
    except ValueError:  # bytes that are none of a token, or a path with one that is none of a path
        pass
    raise PreconditionError(
        f"the token file {path} cannot be read: {why}",
        code="E_KUBE_AUTH",
        where=str(path),
        hint="name the file of a token in the kubeconfig's tokenFile",
    )


def _file(entry: Mapping[str, Any], key: str, path: Path) -> str | None:
    """A path that OpenSSL can open: the file named by ``key``, or the embedded ``key``-data in memory."""
    if entry.get(f"{key}-data"):
        try:
            text = "".join(str(entry[f"{key}-data"]).split("\n"))  # wrapped, as `base64` writes it
            return in_memory(base64.b64decode(text.replace("\r", ""), validate=True), key)
        except ValueError:  # what is no base64, and what is no ASCII
            raise _unreadable(path, f"{key}-data is not base64") from None
    if not entry.get(key):
        return None
    found = path.parent / str(entry[key])
    try:
        there = found.is_file()
    except OSError:  # a name that is too long for any file
        there = False
    if not there:
        raise _unreadable(path, f"{key} names {found}, which is not there")
    return str(found)
