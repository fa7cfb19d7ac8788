"""Git over ``https``: one origin, the named CA, no redirect, nothing from the environment (G5).

dulwich speaks the protocol; what carries its requests is here, so that no proxy variable, ``.netrc``, credential
helper or key log of the surroundings is ever looked at.
"""

import ssl
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import SplitResult, urlsplit

from bootstrap.adapters.git.access import GitAccess
from bootstrap.adapters.git.limits import Meter, timed_out
from bootstrap.adapters.git.location import Location
from bootstrap.adapters.git.pack import broken
from bootstrap.model.errors import BootstrapError, DefinitionError, PreconditionError

if TYPE_CHECKING:
    import urllib3
    from dulwich.client import HttpGitClient

CONNECT: Final = 15.0  # seconds
READ: Final = 60.0  # seconds without a byte
AGENT: Final = "git/bootstrap"  # some servers refuse every client whose name does not begin like this


@contextmanager
def https_client(location: Location, access: GitAccess, meter: Meter) -> Iterator["HttpGitClient"]:
    """PreconditionError E_GIT_CA, E_GIT_PROXY, and on the way those of ``_Origin``."""
    from dulwich.client import HttpGitClient

    base = location.shown.rstrip("/") + "/"
    pool = _pool(access)
    origin = _Origin(pool, base, _authorization(location, access), meter)
    client = HttpGitClient(base, pool_manager=cast("urllib3.PoolManager", origin), thin_packs=False)
    try:
        yield client
    except BootstrapError:
        raise
    except Exception:  # noqa: BLE001  # how dulwich says that an answer cannot be read has many shapes
        raise broken(location.shown) from None
    finally:
        pool.clear()


class _Origin:
    """What dulwich's client takes for a pool of connections: requests below one URL, and no other."""

    def __init__(self, pool: "urllib3.PoolManager", base: str, authorization: str, meter: Meter) -> None:
        self._pool = pool
        self._base = base
        self._authorization = {"Authorization": authorization} if authorization else {}
        self._meter = meter
        self.headers: Mapping[str, str] = {"User-Agent": AGENT}

    def request(self, method: str, url: str, headers: Mapping[str, str], **more: Any) -> "_Answer":
        """Raises PreconditionError E_GIT_UNREACHABLE, _TIMEOUT, _TLS, _PROXY, _AUTH, _NOT_FOUND, _REDIRECT."""
        import urllib3

        if not url.startswith(self._base):
            raise broken(self._base)  # a server that sends its clients elsewhere
        try:
            answer = self._pool.request(
                method,
                url,
                headers={**headers, **self._authorization},
                body=more.get("body"),
                preload_content=False,
                redirect=False,
                retries=False,
                timeout=urllib3.Timeout(connect=CONNECT, read=READ),
            )
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            raise self._failed(error) from None
        if answer.status != 200:
            answer.close()
            raise self._refused(answer.status, answer.headers.get("Location", ""))
        return _Answer(answer, url, self._meter.reads(self._guarded(answer.read)))

    def _guarded(self, read: Callable[[int], bytes]) -> Callable[[int], bytes]:
        def guarded(size: int) -> bytes:
            import urllib3

            try:
                return read(size)
            except (urllib3.exceptions.HTTPError, OSError) as error:
                raise self._failed(error) from None

        return guarded

    def _failed(self, error: Exception) -> PreconditionError:
        from urllib3 import exceptions

        if isinstance(error, exceptions.ProxyError):
            return _precondition(
                self._base,
                "the proxy does not answer, or does not let us through",
                "E_GIT_PROXY",
                "is --proxy right?",
            )
        if isinstance(error, exceptions.SSLError | ssl.SSLError):
            return _precondition(
                self._base, f"the server's certificate is not accepted: {_why(error)}", "E_GIT_TLS", _CA_HINT
            )
        refused = isinstance(error, exceptions.NewConnectionError)  # counted as a kind of timeout there
        if isinstance(error, exceptions.TimeoutError) and not refused:
            return timed_out(self._base)
        return _precondition(
            self._base, "the server cannot be reached", "E_GIT_UNREACHABLE", _UNREACHABLE_HINT
        )

    def _refused(self, status: int, elsewhere: str) -> PreconditionError:
        if status in (401, 403):
            given = "does not take this token" if self._authorization else "wants a token"
            return _precondition(self._base, f"the server {given}", "E_GIT_AUTH", _TOKEN_HINT)
        if status in (404, 410):
            why = "the server has no such repository, or does not show it to us"
            return _precondition(self._base, why, "E_GIT_NOT_FOUND", _TOKEN_HINT)
        if 300 <= status < 400:
            return _precondition(
                self._base, "the server sends us elsewhere", "E_GIT_REDIRECT", _elsewhere(elsewhere)
            )
        if status == 407:
            return _precondition(
                self._base, "the proxy wants to know who we are", "E_GIT_PROXY", "give another --proxy"
            )
        return _precondition(self._base, f"the server answers {status}", "E_GIT_UNREACHABLE", "try again")


class _Answer:
    """Of a response, what dulwich looks at."""

    def __init__(self, answer: "urllib3.BaseHTTPResponse", url: str, read: Callable[[int], bytes]) -> None:
        self._answer = answer
        self._url = url
        self.status = answer.status
        self.headers = answer.headers
        self.read = read
        self.content_type: str | None = None
        self.redirect_location = ""

    def geturl(self) -> str:
        return self._url

    def close(self) -> None:
        self._answer.close()


_TOKEN_HINT: Final = "give --git-token file:PATH, of somebody who may read it; is the path right?"  # noqa: S105 - a hint
_CA_HINT: Final = "name the CA that issued it: --git-ca FILE"
_UNREACHABLE_HINT: Final = "is the host right, and this machine online? a proxy is named with --proxy"


def _pool(access: GitAccess) -> "urllib3.PoolManager":
    import urllib3

    context = _trust(access)
    if not access.proxy:
        return urllib3.PoolManager(ssl_context=context)
    proxy = _split(access.proxy)
    if (
        proxy is None
        or proxy.scheme not in ("http", "https")
        or not proxy.hostname
        or proxy.username
        or proxy.password
    ):
        hint = "--proxy http://HOST:PORT, without a user or a password"
        raise DefinitionError(
            "the proxy is not one that can be used", code="E_GIT_PROXY", where="--proxy", hint=hint
        )
    return urllib3.ProxyManager(access.proxy, ssl_context=context, proxy_ssl_context=context)


def _trust(access: GitAccess) -> ssl.SSLContext:
    """The CAs of ``--git-ca``, else those of this machine; never those that a variable names."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    system = ssl.get_default_verify_paths()
    try:
        if access.ca is not None:
            context.load_verify_locations(cafile=access.ca)
        else:
            context.load_verify_locations(cafile=system.openssl_cafile)
    except (OSError, ssl.SSLError) as error:
        why = "is no certificate" if isinstance(error, ssl.SSLError) else f"cannot be read: {error.strerror}"
        raise PreconditionError(
            f"the CA {why}",
            code="E_GIT_CA",
            where=str(access.ca or system.openssl_cafile),
            hint="--git-ca FILE, certificates in PEM",
        ) from None
    return context


def _authorization(location: Location, access: GitAccess) -> str:
    """``Bearer TOKEN`` as it is; any other token as the password of the URL's user, or of ``git`` (RFC 7617)."""
    if access.token is None:
        if location.user:  # which may well be a token in the wrong place
            message, hint = (
                "a user in the URL is for --git-token, which is not there",
                "--git-token file:PATH",
            )
            raise DefinitionError(message, code="E_REPO_URL", where="--repo", hint=hint)
        return ""
    token = access.token.reveal()
    if token.lower().startswith(b"bearer "):
        return "Bearer " + token[7:].strip().decode()
    return "Basic " + b64encode((location.user or "git").encode() + b":" + token).decode()


def _why(error: Exception) -> str:
    """The library's word for what is wrong with a certificate; it names no content."""
    found = next((a for a in (error, *error.args) if isinstance(a, ssl.SSLCertVerificationError)), None)
    return found.verify_message if found is not None else "the two sides do not agree on TLS"


def _elsewhere(target: str) -> str:
    """The place as a hint, where it is one that can be shown."""
    there, hint = _split(target), "give the repository's own place"
    path = there.path.removesuffix("/info/refs") if there else ""
    if (
        there is None
        or there.scheme != "https"
        or there.username
        or not (path.isascii() and path.isprintable())
    ):
        return f"{hint}: where a browser ends up"
    return f"{hint}: --repo https://{there.netloc}{path}"


def _split(url: str) -> SplitResult | None:
    """None for what is no URL, as a server or a person may write one."""
    try:
        found = urlsplit(url)
        _ = found.port  # read when it is asked for, and refused then
    except ValueError:
        return None
    return found


def _precondition(where: str, message: str, code: str, hint: str) -> PreconditionError:
    return PreconditionError(message, code=code, where=where.rstrip("/"), hint=hint)
