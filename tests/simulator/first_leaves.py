"""The certificates that pods start with, with another end: what a year brings."""

from datetime import datetime, timedelta
from unittest.mock import patch

from bootstrap.adapters.root import derived_keys
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Ref
from tests.simulator.platform import SimulatedPlatform, opened

TLS = Ref("v1", "Secret", "vault-tls", "vault")


def first_leaves(platform: SimulatedPlatform, ends: datetime) -> None:
    """The Secret holds certificates that end then, of the CA of the commit."""
    authority = opened(platform.repository).material.authority()
    with patch.object(derived_keys, "now", return_value=ends - timedelta(days=365)):
        made = {pod: authority.issue((pod,), (), 365) for pod in ("vault-0", "vault-1", "vault-2")}
    live = platform.cluster.get(TLS)
    assert live is not None
    data = live["data"] | {f"{pod}.crt": Sensitive(leaf.certificate) for pod, leaf in made.items()}
    platform.cluster.replace({**live, "data": data})
