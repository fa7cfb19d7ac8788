"""The whole list: what docs/reference/verify.md shows, and what is planted on the simulator and on a lab."""

from tests.seeds import beyond, elsewhere, in_cluster, in_git, in_vault, vault_powers, ways
from tests.seeds.hand import Seed

SEEDS: tuple[Seed, ...] = (
    *in_vault.SEEDS,
    *vault_powers.SEEDS,
    *in_cluster.SEEDS,
    *elsewhere.SEEDS,
    *beyond.SEEDS,
    *in_git.SEEDS,
    *ways.SEEDS,
)
