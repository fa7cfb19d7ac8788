"""Where a secret's bootstrap copy stands in the cluster, and whether that can be known."""

from bootstrap.model.catalog import Secret
from bootstrap.ports import Ref
from bootstrap.steps.context.admission import API
from bootstrap.steps.context.world import World
from bootstrap.steps.secrets.admission import POLICY
from bootstrap.steps.vault.cluster_head import rebuilding
from bootstrap.steps.vault.init_window import REBUILT, WindowStore
from bootstrap.steps.vault.presence import is_gone, stateful_set_ref


def bootstrap_copy_ref(secret: Secret) -> Ref:
    assert secret.scaffold is not None
    return Ref("v1", "Secret", secret.scaffold.name, secret.scaffold.namespace)


def ledger_is_lost(world: World) -> bool:
    """Whether it is not known here what was handed over: no record, or not all, and a Vault of ours past its beginning.
    A scaffold that was retired must not come back; the ledger is rebuilt later in the run.

    Without a record, but with the init window of this very Vault and nothing that refuses retired scaffolds, there
    was no retirement yet: admission refuses a scaffold's return before it goes, and the window is lost with the
    ledger's namespace.
    """
    if world.cluster.get(stateful_set_ref(world)) is None:
        return False
    window = WindowStore(world.cluster).read()
    if world.ledger.read().entries:
        return rebuilding(world, window)
    refused = world.cluster.get(Ref(API, "ValidatingAdmissionPolicy", POLICY))
    past = window is None or window.facts == REBUILT or refused is not None
    return past and not is_gone(world)
