"""Where the logins of Vault keep what they give: by the kind of login, what lies below its mount."""

from collections.abc import Mapping
from typing import Any, Final

ROOMS: Final = {  # to what may hold policies
    "token": ("roles",),
    "kubernetes": ("role",),
    "approle": ("role",),
    "jwt": ("role",),
    "oidc": ("role",),
    "userpass": ("users",),
    "ldap": ("users", "groups"),
    "cert": ("certs",),
}
OTHERS: Final = ("role", "roles")  # of a kind that is not among them
CONFIGURED: Final = ("ldap", "okta", "radius", "github", "kerberos")  # one setting for all who log in


def kinds(mounts: Mapping[str, Any]) -> dict[str, str]:
    """Mount to its kind, of what ``sys/auth`` says."""
    found = {name.rstrip("/"): value or {} for name, value in mounts.items() if name.endswith("/")}
    return {name: str(value.get("type") or name) for name, value in found.items()}
