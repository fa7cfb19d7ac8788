"""The public keys of an API server as it shows them (a JSON Web Key Set), as PEM.

Source: RFC 7517 (JSON Web Key), RFC 7518, sections 6.2 and 6.3; kubernetes.io/docs/tasks/configure-pod-container/
configure-service-account, "Service account issuer discovery".
"""

import base64
import binascii
from collections.abc import Callable, Mapping
from typing import Any, Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from bootstrap.model.errors import PreconditionError

_CURVES: Final[Mapping[str, Callable[[], ec.EllipticCurve]]] = {
    "P-256": ec.SECP256R1,
    "P-384": ec.SECP384R1,
    "P-521": ec.SECP521R1,
}


def public_keys(document: Mapping[str, Any]) -> tuple[str, ...]:
    """Each once, sorted, without a line end behind it. PreconditionError E_NO_ISSUER where there is none, or one of
    another kind than API servers sign with."""
    try:
        found = sorted({_pem(key) for key in document["keys"]})
    except (KeyError, TypeError, ValueError, binascii.Error, UnsupportedAlgorithm):
        raise not_shown("one of its keys is none that is known: RSA, P-256, P-384 or P-521") from None
    if not found:
        raise not_shown("it shows no key")
    return tuple(found)


def not_shown(why: str) -> PreconditionError:
    return PreconditionError(
        f"the API server does not show with which keys it signs tokens of service accounts: {why}",
        code="E_NO_ISSUER",
        where="/openid/v1/jwks",
        hint="`kubectl get --raw /openid/v1/jwks` shows them; they are served where --service-account-issuer of the API"
        " server is an https URL",
    )


def _pem(key: Mapping[str, str]) -> str:
    if key["kty"] == "RSA":
        made: rsa.RSAPublicKey | ec.EllipticCurvePublicKey = rsa.RSAPublicNumbers(
            _number(key["e"]), _number(key["n"])
        ).public_key()
    else:
        curve = _CURVES[key["crv"]]()
        made = ec.EllipticCurvePublicNumbers(_number(key["x"]), _number(key["y"]), curve).public_key()
    return made.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode().strip()


def _number(text: str) -> int:
    return int.from_bytes(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), "big")
