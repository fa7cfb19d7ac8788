"""The whole list: what docs/reference/verify.md shows, and what is planted on the simulator and on a lab."""

from tests.seeds import in_cluster, in_git, in_vault, ways
from tests.seeds.hand import Seed

SEEDS: tuple[Seed, ...] = (*in_vault.SEEDS, *in_cluster.SEEDS, *in_git.SEEDS, *ways.SEEDS)
