"""The keys of an API server, from its JSON Web Key Set (S2)."""

import base64
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from bootstrap.adapters.kubernetes.token_keys import public_keys
from bootstrap.model.errors import PreconditionError

CURVES = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1(), "P-521": ec.SECP521R1()}


def number(value: int) -> str:
    raw = value.to_bytes((value.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def of_rsa(key: rsa.RSAPublicKey) -> dict[str, str]:
    numbers = key.public_numbers()
    return {"kty": "RSA", "kid": "a", "use": "sig", "n": number(numbers.n), "e": number(numbers.e)}


def of_curve(name: str, key: ec.EllipticCurvePublicKey) -> dict[str, str]:
    numbers = key.public_numbers()
    return {"kty": "EC", "crv": name, "x": number(numbers.x), "y": number(numbers.y)}


def pem(key: Any) -> str:
    text: bytes = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return text.decode().strip()


def test_each_kind_that_an_api_server_signs_with_once_and_sorted() -> None:
    one = rsa.generate_private_key(65537, 2048).public_key()
    others = {name: ec.generate_private_key(curve).public_key() for name, curve in CURVES.items()}
    shown = [of_rsa(one), *(of_curve(name, key) for name, key in others.items()), of_rsa(one)]
    assert public_keys({"keys": shown}) == tuple(sorted({pem(one), *map(pem, others.values())}))
    assert all(load_pem_public_key(text.encode()) for text in public_keys({"keys": shown}))


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"keys": []},
        {"keys": None},
        {"keys": ["a"]},
        {"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "AA"}]},
        {"keys": [{"kty": "RSA", "n": "AQ"}]},
        {"keys": [{"kty": "RSA", "n": 5, "e": "AQAB"}]},
        {"keys": [{"kty": "RSA", "n": "\u00e9", "e": "AQAB"}]},
        {"keys": [{"kty": "EC", "crv": "P-256", "x": "AQ", "y": "AQ"}]},
    ],
)
def test_what_is_none_is_said(document: dict[str, Any]) -> None:
    with pytest.raises(PreconditionError) as caught:
        public_keys(document)
    assert caught.value.code == "E_NO_ISSUER"
    assert "get --raw /openid/v1/jwks" in caught.value.hint
