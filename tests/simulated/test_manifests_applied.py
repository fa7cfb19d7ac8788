"""What lies below manifests/ is applied as Kubernetes would take it."""

from pathlib import Path

from bootstrap.ports import Ref
from tests.simulator.platform import SimulatedPlatform, opened
from tests.support.program import commit_all

NO_LABELS = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: plain
  namespace: orders
  labels:
"""


def test_labels_that_are_null_are_no_labels(tmp_path: Path) -> None:
    platform = SimulatedPlatform(tmp_path)
    (platform.repository / "manifests/workloads/plain.yaml").write_text(NO_LABELS)
    commit_all(platform.repository)
    opened.cache_clear()
    platform.up()
    live = platform.cluster.get(Ref("v1", "ConfigMap", "plain", "orders"))
    assert live is not None
    assert live["metadata"]["labels"] == {"app.kubernetes.io/managed-by": "bootstrap"}
