"""`bootstrap drill`: what is refused before any cluster is asked, and `drill verify` offline (INV1, H4)."""

import json
from pathlib import Path

import pytest

from bootstrap.lab.state import HOME
from bootstrap.operations.drill.report import signed
from tests.simulator.platform import scaffolded
from tests.support.drill_reports import differing, report
from tests.support.ledger_facts import Key
from tests.support.program import assert_refused, run_bootstrap, said
from tests.support.snapshot_files import platform, whole


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return scaffolded(tmp_path_factory.mktemp("intent"))


@pytest.fixture
def options(repository: Path, tmp_path: Path) -> tuple[object, ...]:
    """A kubeconfig that is none: a command that reaches for it ends with E_KUBECONFIG."""
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text("no kubeconfig")
    platform().write(tmp_path / "FILE", whole())
    return (
        *("--repo", repository, "--kubeconfig", kubeconfig, "--non-interactive"),
        *("--snapshot", tmp_path / "FILE", "--out", tmp_path / "report.json"),
    )


def test_without_a_snapshot_it_says_what_to_give() -> None:
    assert_refused(run_bootstrap("drill"), 2, "E_USAGE", "--snapshot FILE")


def test_inv1_without_the_root_or_with_another_nothing_is_rehearsed(
    options: tuple[object, ...], repository: Path, tmp_path: Path
) -> None:
    assert_refused(run_bootstrap("drill", *options), 4, "E_ROOT_NEEDED")
    root = ("--root", f"file:{repository.parent / 'root.key'}")
    assert_refused(run_bootstrap("drill", *options, *root), 4, "E_SNAPSHOT_ROOT")
    assert not (tmp_path / "report.json").exists()


@pytest.mark.parametrize("which", ["records", "records/theirs", "something"])
def test_inv4_the_platforms_records_are_not_a_drills(
    which: str, options: tuple[object, ...], repository: Path, tmp_path: Path
) -> None:
    folder = repository / which if which.startswith("records") else tmp_path / which
    if which == "something":
        (folder / "cluster").mkdir(parents=True)
    done = run_bootstrap("drill", *options, "--root", "file:/nowhere", "--records", folder)
    assert_refused(done, 2, "E_DRILL_RECORDS", "--records")
    assert not (repository / "records").exists()


@pytest.mark.parametrize(
    "out", ["nowhere/report.json", "report.html", "/proc/sys/report.json", "/dev/null", "."]
)
def test_a_report_that_could_not_be_written_is_refused_first(
    out: str, options: tuple[object, ...], tmp_path: Path
) -> None:
    done = run_bootstrap("drill", *options, "--out", tmp_path / out)
    assert_refused(done, 2, "E_OUT", "--out REPORT.json")


def test_a_lab_and_a_kubeconfig_are_two_places(options: tuple[object, ...]) -> None:
    assert_refused(run_bootstrap("drill", *options, "--lab", "drill"), 2, "E_USAGE", "leave out --lab")


def test_inv1_a_file_is_judged_before_a_lab_is_made(
    options: tuple[object, ...], repository: Path, tmp_path: Path
) -> None:
    at = options.index("--kubeconfig")
    command = ("drill", *options[:at], *options[at + 2 :], "--lab", "drill-that-never-is")
    done = run_bootstrap(*command, "--root", f"file:{repository.parent / 'root.key'}")
    assert_refused(done, 4, "E_SNAPSHOT_ROOT")
    assert not (HOME / "drill-that-never-is").exists()
    assert "lab drill-that-never-is" not in done.stderr


# ---------------------------------------------------------------- verify


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "ledger.pub").write_bytes(Key().pem)
    return tmp_path / "keys"


def test_h4_a_report_verifies_offline(keys: Path, tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    file.write_bytes(signed(report(), Key()))
    done = run_bootstrap("drill", "verify", file, "--keys", keys)
    assert done.returncode == 0, said(done)
    assert "recovered    in 61.5 s" in done.stdout
    assert (
        "servers      took 50.0 s of it themselves; the whole is 1.23 times that\n  - pods start"
        in done.stdout
    )
    done = run_bootstrap("drill", "verify", file, "--keys", keys, "-o", "json")
    assert json.loads(done.stdout) == report().content


def test_h4_one_that_says_what_differs_is_as_sound(keys: Path, tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    file.write_bytes(signed(differing(), Key()))
    done = run_bootstrap("drill", "verify", file, "--keys", keys)
    assert done.returncode == 0, said(done)
    assert "outcome      differs\n  - webhook version 2 differs in url\n" in done.stdout


def test_h4_a_changed_byte_and_a_foreign_key_are_found(keys: Path, tmp_path: Path) -> None:
    file, data = tmp_path / "report.json", signed(report(), Key())
    file.write_bytes(data.replace(b"a", b"b", 1))
    assert_refused(run_bootstrap("drill", "verify", file, "--keys", keys), 6, "E_SIG")
    file.write_bytes(signed(report(), Key(2)))
    assert_refused(run_bootstrap("drill", "verify", file, "--keys", keys), 6, "E_SIG", "ledger.pub")
    assert_refused(run_bootstrap("drill", "verify", tmp_path / "none", "--keys", keys), 2, "E_FILE_MISSING")
