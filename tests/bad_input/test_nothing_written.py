"""One spoilt ciphertext anywhere in the commit, and `up` has changed nothing when it stops (G5, PH3)."""

import re
import shutil
from pathlib import Path

import pytest

from bootstrap.adapters.git.repository import open_repository
from bootstrap.adapters.root.root_key import open_root
from bootstrap.adapters.sops.commit_files import CommitFiles
from bootstrap.model.errors import BootstrapError
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Opened
from tests.simulator.platform import SimulatedPlatform, scaffolded
from tests.support.program import commit_all

SOPS_VALUE = re.compile(rb"(ENC\[AES256_GCM,data:)(....)")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return scaffolded(tmp_path_factory.mktemp("whole"))


def leaves(opened: Opened) -> list[bytes]:
    if isinstance(opened, Sensitive):
        return [opened.reveal()] if len(opened.reveal()) >= 32 else []
    return [leaf for value in opened.values() for leaf in leaves(value)]


def test_each_file_in_turn(template: Path, tmp_path: Path) -> None:
    names = [p.relative_to(template) for p in sorted((template / "encrypted").rglob("*")) if p.is_file()]
    assert len(names) >= 9
    repo = open_repository(template)
    files = CommitFiles(repo, open_root(str(template.parent / "root.key"), lambda _: None))
    values = [leaf for name in names for leaf in leaves(files.open(str(name)))]
    for number, name in enumerate(names):
        folder = tmp_path / str(number)
        shutil.copytree(template.parent, folder)
        path = folder / "platform" / name
        content = path.read_bytes()
        changed = SOPS_VALUE.sub(rb"\1AAAA", content, count=1)
        if changed == content:  # a raw file: cut in its middle
            changed = content[: len(content) // 2]
        path.write_bytes(changed)
        commit_all(folder / "platform")
        (folder / "sim").mkdir()
        platform = SimulatedPlatform(folder / "sim", folder / "platform")
        with pytest.raises(BootstrapError) as caught:
            platform.up()
        error = caught.value
        assert error.code in ("E_SOPS_MAC", "E_CT_DAMAGED", "E_KEY"), (name, error.code)
        assert error.hint
        assert platform.cluster.mutations == [], name
        assert platform.vault.mutations == [], name
        said = f"{error} {error.where} {error.hint}".encode()
        assert not [value for value in values if value in said]
