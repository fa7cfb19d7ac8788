"""Many secrets more in an intent repository, an encrypted file each."""

import secrets

from bootstrap.adapters.age import root as age
from bootstrap.model.sensitive import Sensitive
from tests.lab.support.platform import Platform
from tests.support.program import commit_all

ENTRY = """\
apiVersion: bootstrap/v1
kind: Secret
metadata: {{name: {name}}}
spec:
  class: runtime
  owner: benchmark-team
  purpose: One of many
  source: {{file: encrypted/many/{name}.age}}
  runtime: {{path: applications/many/{name}}}
  handover: {{renew: keep, reason: It is compared}}
"""
PER_FILE = 100


def add(platform: Platform, prefix: str, number: int, payload: int) -> dict[str, str]:
    """Commits ``number`` secrets of ``payload`` characters; their names and values."""
    values = {f"{prefix}-{n}": secrets.token_hex(payload // 2) for n in range(number)}
    readers = [line for line in (platform.keys / "root.txt").read_text().split() if line.startswith("age1")]
    many = platform.folder / "encrypted/many"
    many.mkdir(parents=True, exist_ok=True)
    for name, value in values.items():
        (many / f"{name}.age").write_bytes(age.encrypt(readers, Sensitive(value.encode())))
    names = list(values)
    for start in range(0, number, PER_FILE):
        text = "---\n".join(ENTRY.format(name=name) for name in names[start : start + PER_FILE])
        (platform.folder / f"secrets/{prefix}-{start}.yaml").write_text(text)
    commit_all(platform.folder)
    return values
