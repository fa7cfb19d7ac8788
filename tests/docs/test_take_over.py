"""The pages on taking over from Flux and Argo CD, as they stand: a stand-in for the controllers deletes nothing.

The controllers themselves are not run here: `tests/support/appliers.py` behaves as they do.
"""

import subprocess
from pathlib import Path

import pytest

from tests.docs.pages import DOCS, blocks
from tests.docs.shell import run, script
from tests.simulator.platform import scaffolded
from tests.support.appliers import Applier
from tests.support.fleets import PLACES, fleet


@pytest.mark.parametrize("controller", ["flux", "argocd"])
def test_the_page_takes_every_secret_over_and_none_is_away(tmp_path: Path, controller: str) -> None:
    repository = scaffolded(tmp_path)
    recipient = (repository / "keys/root.txt").read_text().split()[-1]
    fleet(tmp_path / "fleet", controller, (recipient,))
    subprocess.run(["git", "-C", str(tmp_path / "fleet"), "tag", "before"], check=True)
    said = tmp_path / "said"
    said.mkdir()
    page = DOCS / f"how-to/take-over-from-{controller}.md"
    found = [block for block in blocks(page) if block.where == controller]
    assert len(found) == 5
    applier = Applier(tmp_path / "fleet", ("apps/shop", "apps/billing"))
    assert applier.apply("before") == PLACES
    for number, block in enumerate(found):
        (said / str(number)).mkdir()
        run(script([block], said / str(number)), tmp_path, said / str(number))
        applier.apply("HEAD")
    assert applier.apply("HEAD") == set()
    assert (applier.deleted, set(applier.live)) == ([], PLACES)
