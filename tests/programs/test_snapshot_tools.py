"""A snapshot opens with `tar` and `age`, or `gpg`, as the page says: what is lost with this program is not the data."""

import os
import subprocess
from pathlib import Path

from bootstrap.adapters.openpgp.keys import PgpRoot
from bootstrap.adapters.openpgp.keys import generate as generate_pgp
from bootstrap.adapters.snapshot.writer import SnapshotWriter
from tests.docs.pages import DOCS
from tests.support.real_sops import ENVIRONMENT, gpg_home, real_tools
from tests.support.snapshot_files import BUNDLE, VALUES, by_vault, pieces, platform, whole

PAGE = DOCS / "how-to/save-a-snapshot.md"


def commands() -> str:
    """The page's own lines."""
    lines = [line.strip() for line in PAGE.read_text().splitlines() if line.startswith("    tar ")]
    assert len(lines) == 2
    return "\n".join(lines)


def shell(text: str, folder: Path, **environment: str) -> None:
    tools = {path.parent for path in real_tools().values()}
    path = os.pathsep.join([*map(str, tools), ENVIRONMENT["PATH"]])
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", text],
        cwd=folder,
        env={**ENVIRONMENT, **environment, "PATH": path},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode(errors="replace")


def test_inv1_the_pages_commands_give_vaults_own_snapshot(tmp_path: Path) -> None:
    made, sent = platform(), whole()
    made.write(tmp_path / "FILE", sent)
    (tmp_path / "root.key").write_bytes(made.root.export().reveal())
    shell(commands(), tmp_path)
    assert (tmp_path / "vault.snapshot").read_bytes() == sent


def test_inv1_an_openpgp_root_opens_the_files_key(tmp_path: Path) -> None:
    made, sent, secret = platform(), whole(), generate_pgp("root")
    root = PgpRoot(secret)
    with SnapshotWriter(tmp_path / "FILE", (root.armored_certificate.decode(),)) as to:
        to.raft(pieces(sent))
        to.ledger(BUNDLE)
        to.values(VALUES)
        to.manifest(lambda parts: made.manifest(parts, sent, recipients=root.recipients), by_vault)
        to.finish()
    with gpg_home() as gpg:
        gpg("--import", given=secret.reveal())
        by_gpg = commands().replace("key.age | age -d -i root.key", "key.asc | gpg --batch --decrypt")
        assert by_gpg != commands()
        shell(by_gpg, tmp_path, GNUPGHOME=str(gpg.home))
    assert (tmp_path / "vault.snapshot").read_bytes() == sent
