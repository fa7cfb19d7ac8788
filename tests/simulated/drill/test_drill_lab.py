"""`bootstrap drill --lab`: its lab is new, and gone again however the drill ends (INV1)."""

import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest

from bootstrap.cli.commands import drill_lab
from bootstrap.cli.commands.drill_lab import throw_away
from bootstrap.lab import state
from bootstrap.lab.state import Lab
from bootstrap.model.errors import BootstrapError, Interrupted, WorldError

NAME = "drill"


@dataclass
class Labs:
    """Labs that are a folder each."""

    home: Path
    ups: list[str] = field(default_factory=list)
    fails: Callable[[str], None] = lambda _: None

    def up(self, name: str) -> Lab:
        self.ups.append(name)
        self.fails("up")
        found = state.find(name, self.home)
        assert found is not None
        found.kubeconfig.write_text("kubeconfig")
        return found

    def down(self, name: str) -> None:
        self.fails("down")
        for path in (self.home / name).iterdir():
            path.unlink()
        (self.home / name).rmdir()

    @property
    def there(self) -> list[str]:
        return sorted(path.name for path in self.home.iterdir())


@pytest.fixture
def labs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Labs:
    found = Labs(tmp_path / "labs")
    found.home.mkdir()
    monkeypatch.setattr(drill_lab, "require_linux_root", lambda _: None)
    monkeypatch.setattr(drill_lab, "claim", partial(state.claim, home=found.home))
    monkeypatch.setattr(drill_lab, "labs", lambda *_: found)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    return found


def failing(at: str, error: BaseException) -> Callable[[str], None]:
    def fails(now: str) -> None:
        if now == at:
            raise error

    return fails


def test_b1_it_is_made_and_deleted(labs: Labs) -> None:
    with throw_away(NAME) as kubeconfig:
        assert kubeconfig.read_text() == "kubeconfig"
        assert labs.there == [NAME]
    assert (labs.ups, labs.there) == ([NAME], [])


@pytest.mark.parametrize("error", [WorldError("it failed"), KeyboardInterrupt(), SystemExit(1)])
def test_b1_it_is_deleted_however_the_drill_ends(labs: Labs, error: BaseException) -> None:
    with pytest.raises(type(error)), throw_away(NAME):
        raise error
    assert labs.there == []


def test_b1_an_interrupted_drill_says_that_nothing_is_left(labs: Labs) -> None:
    with pytest.raises(Interrupted) as stopped, throw_away(NAME):
        raise Interrupted("interrupted", signal_number=2, hint="delete its cluster")
    assert (
        stopped.value.hint
        == "lab drill is gone, and nothing is left; a drill is not gone on with but begun anew"
    )


def test_b1_one_that_did_not_come_up_is_deleted(labs: Labs) -> None:
    labs.fails = failing("up", WorldError("no network"))
    with pytest.raises(WorldError), throw_away(NAME):
        pytest.fail("it began")
    assert labs.there == []


def test_a_lab_that_was_there_before_is_not_taken_and_not_deleted(labs: Labs) -> None:
    state.allocate(NAME, labs.home)
    with pytest.raises(BootstrapError) as stopped, throw_away(NAME):
        pytest.fail("it began")
    assert (stopped.value.exit_code, stopped.value.code) == (4, "E_DRILL_LAB")
    assert "lab down --name drill" in stopped.value.hint
    assert (labs.ups, labs.there) == ([], [NAME])


def test_what_is_left_of_one_without_a_memory_is_not_taken_either(labs: Labs) -> None:
    (labs.home / NAME).mkdir()
    with pytest.raises(BootstrapError, match="is there"), throw_away(NAME):
        pytest.fail("it began")
    assert (labs.ups, labs.there) == ([], [NAME])


def test_b1_a_deletion_that_fails_is_told_and_what_stopped_the_drill_counts(
    labs: Labs, capsys: pytest.CaptureFixture[str]
) -> None:
    labs.fails = failing("down", WorldError("busy", code="E_HOST_WORK"))
    with pytest.raises(WorldError, match="it failed"), throw_away(NAME):
        raise WorldError("it failed")
    assert "may hold every value: bootstrap lab down --name drill" in capsys.readouterr().err
    state.start_over(Lab(NAME, 0, labs.home))
    (labs.home / NAME / "lab.json").unlink()
    (labs.home / NAME).rmdir()
    with pytest.raises(WorldError, match="busy"), throw_away(NAME):
        pass
    assert "may hold every value" in capsys.readouterr().err
