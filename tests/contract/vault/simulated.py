"""The simulated Vault of the contract, on a simulated cluster: the pods, volumes and certificates that it looks at."""

from bootstrap.model.sensitive import Sensitive
from tests.contract.objects import bare, made
from tests.contract.vault.sites import ATTEMPT
from tests.simulator.cluster import SimulatedCluster
from tests.simulator.controllers import stateful_sets
from tests.simulator.vault import NAMESPACE, SimulatedVault
from tests.support.tls_server import authority


def simulated_vault(*pods: str) -> SimulatedVault:
    """Not initialised; its certificates carry the attempt's name."""
    cluster = SimulatedCluster()
    cluster.controllers.append(stateful_sets)
    made(cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}))
    ca = authority("contract")
    leaves = {f"{pod}.crt": Sensitive(ca.leaf(f"{pod}.vault-internal", ATTEMPT)[0]) for pod in pods}
    made(cluster.create(bare("v1", "Secret", NAMESPACE, "tls", data=leaves)))
    join = {f"{pod}.json": "retry_join" for pod in pods}
    made(cluster.create(bare("v1", "ConfigMap", NAMESPACE, "vault-config", data=join)))
    spec = {"volumes": [{"name": "tls", "secret": {"secretName": "tls"}}]}
    owner = {"replicas": len(pods), "template": {"metadata": {}, "spec": spec}}
    made(cluster.create(bare("apps/v1", "StatefulSet", NAMESPACE, "vault", spec=owner)))
    return SimulatedVault(cluster)
