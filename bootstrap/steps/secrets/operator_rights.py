"""What the External Secrets Operator may write: Secrets, and only where the commit has something for it to write (S2).

Its own manifest lets it read everywhere, since its watch needs that; these bindings let it write.
"""

from collections.abc import Iterator
from typing import Final

from bootstrap.model.catalog import Intent
from bootstrap.ports import Object
from bootstrap.steps.context.names import labels
from bootstrap.steps.context.operator import writing_namespaces

WRITER: Final = "bootstrap-operator-writes"
_RBAC: Final = "rbac.authorization.k8s.io"


def operator_rights(intent: Intent) -> Iterator[Object]:
    yield {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "ClusterRole",
        "metadata": {"name": WRITER, "labels": labels("operator-rights")},
        "rules": [
            {"apiGroups": [""], "resources": ["secrets"], "verbs": ["create", "update", "patch", "delete"]}
        ],
    }
    place, _, name = intent.platform.external_secrets.service_account.partition("/")
    for namespace in writing_namespaces(intent):
        yield {
            "apiVersion": f"{_RBAC}/v1",
            "kind": "RoleBinding",
            "metadata": {"name": WRITER, "namespace": namespace, "labels": labels("operator-rights")},
            "roleRef": {"apiGroup": _RBAC, "kind": "ClusterRole", "name": WRITER},
            "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": place}],
        }
