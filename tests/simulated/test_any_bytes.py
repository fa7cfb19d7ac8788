"""Whatever bytes stand in Git, Vault and the cluster hold the same: the whole road, on the simulators (B1, H4)."""

import base64
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from bootstrap.adapters.root.root_key import encrypt_to
from bootstrap.adapters.sops.writer import encrypt_yaml
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Opened, Ref
from tests.simulator.platform import SimulatedPlatform, scaffolded
from tests.support.program import commit_all

ENTRY = """\
apiVersion: bootstrap/v1
kind: Secret
metadata: {{name: any-{number}}}
spec:
  class: runtime
  owner: orders-team
  purpose: Any bytes
  source: {{file: {file}{more}}}
  runtime: {{path: applications/any/v{number}}}
  handover: {{renew: keep, reason: its issuer keeps it, until: 2099-01-01}}
  consumers: [{{namespace: orders, secret: any-{number}}}]
"""
MOST = 12  # values of one run
BYTES = st.binary(min_size=1, max_size=800)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=300)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return scaffolded(tmp_path_factory.mktemp("any"))


def written(repository: Path, values: Sequence[bytes | str]) -> None:
    """Bytes as an age file or in the ``data`` of a manifest, text as an age file or in a SOPS tree."""
    to = ((repository / "keys/root.txt").read_text().split()[-1],)
    for number, value in enumerate(values):
        raw = value.encode() if isinstance(value, str) else value
        more = "" if isinstance(value, str) else ", encoding: base64"
        if number % 2:
            file, sealed = f"encrypted/any-{number}.age", encrypt_to(to, Sensitive(raw))
        elif isinstance(value, str):
            file, sealed = f"encrypted/any-{number}.sops.yaml", encrypt_yaml({"a": {"b": Sensitive(raw)}}, to)
            more = ", key: a.b"
        else:
            file = f"encrypted/any-{number}.secret.sops.yaml"
            head: dict[str, Opened] = {
                "apiVersion": Sensitive(b"v1"),
                "kind": Sensitive(b"Secret"),
                "metadata": {"name": Sensitive(b"x")},
            }
            values_of: dict[str, Opened] = {"data": {"value": Sensitive(base64.b64encode(raw))}}
            sealed = encrypt_yaml({**head, **values_of}, to, encrypted_regex="^data$")
        (repository / file).write_bytes(sealed)
        entry = ENTRY.format(number=number, file=file, more=more)
        (repository / f"secrets/any-{number}.yaml").write_text(entry)
    commit_all(repository)


def arrived(platform: SimulatedPlatform, number: int, value: bytes | str) -> None:
    raw = value.encode() if isinstance(value, str) else value
    (stored,) = platform.vault.live().secrets[f"applications/any/v{number}"].versions
    text = stored["value"].reveal()
    assert (text if isinstance(value, str) else base64.b64decode(text, validate=True)) == raw
    live = platform.cluster.get(Ref("v1", "Secret", f"any-{number}", "orders"))
    assert live is not None
    assert live["data"]["value"] == Sensitive(raw)


def test_any_bytes_in_are_the_same_bytes_in_vault_and_in_the_cluster(
    template: Path, tmp_path: Path, whole: bool
) -> None:
    runs = 0

    @seed(20260102)
    @settings(
        max_examples=60 if whole else 5,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(st.one_of(BYTES, TEXT), min_size=MOST, max_size=MOST))
    def attempt(values: list[bytes | str]) -> None:
        nonlocal runs
        runs += 1
        folder = tmp_path / str(runs)
        shutil.copytree(template.parent, folder)
        values[0] = bytes(range(256)) * (1200 if runs == 1 else 1)  # once nearly all that a secret may hold
        written(folder / "platform", values)
        (folder / "sim").mkdir()
        platform = SimulatedPlatform(folder / "sim", folder / "platform")
        platform.up()
        for number, value in enumerate(values):
            arrived(platform, number, value)
        shutil.rmtree(folder)

    attempt()
    print(f"{runs} runs of {MOST} values each")
    assert runs >= 5
