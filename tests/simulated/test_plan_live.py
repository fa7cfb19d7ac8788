"""`plan` on a cluster: the difference is a second part, the plan's own bytes stay as they are; nothing is changed."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bootstrap.adapters.git.repository import open_repository
from bootstrap.adapters.root.root_material import CommitMaterial
from bootstrap.cli import compose
from bootstrap.cli.commands import plan
from bootstrap.cli.commands import plan_live as command
from bootstrap.cli.commands.schema import document as schema_document
from bootstrap.cli.options import Options, Output
from bootstrap.engine.plan_diff import check_pinned
from bootstrap.engine.runner import Runner
from bootstrap.ledger.head import sign_head
from bootstrap.model.errors import DecisionNeeded, DefinitionError, PreconditionError, WorldError
from bootstrap.ports import Permission, Ref
from bootstrap.steps.context.world import World
from bootstrap.steps.registry import kind_class
from tests.simulator.faults import Fault, Killed, Schedule
from tests.simulator.platform import SimulatedPlatform
from tests.support.heads import invented_head

KUBECONFIG = Path("/somewhere")


@pytest.fixture
def platform(tmp_path: Path, repository: Path, monkeypatch: pytest.MonkeyPatch) -> SimulatedPlatform:
    """The real command on the simulated cluster: only what builds the world is another."""
    made = SimulatedPlatform(tmp_path, repository)

    @contextmanager
    def world(options: Options, *_: Any) -> Iterator[World]:
        found = made.world()
        if not options.root:
            material = CommitMaterial(open_repository(repository, "HEAD"), None)
            found = replace(found, files=None, material=material)
        yield found
        found.session.close()

    monkeypatch.setattr(compose, "world", world)
    return made


Shown = tuple[int, str]


@pytest.fixture
def shown(repository: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Shown]:
    def show(*, live: bool = True, root: str = "given", detailed: bool = True, text: bool = False) -> Shown:
        options = Options(
            repo=str(repository),
            kubeconfig=KUBECONFIG if live else None,
            root=root,
            output=Output.TEXT if text else Output.JSON,
        )
        code = plan.show(options, detailed_exitcode=detailed and live)
        return code, capsys.readouterr().out

    return show


def test_changes_that_are_asked_for_want_a_cluster(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(DefinitionError, match="--detailed-exitcode wants --kubeconfig") as refused:
        plan.show(Options(repo=str(repository)), detailed_exitcode=True)
    assert (refused.value.code, refused.value.exit_code) == ("E_USAGE", 2)
    assert capsys.readouterr().out == ""


def test_inv4_records_of_another_cluster_stop_plan_as_they_stop_up(platform: SimulatedPlatform) -> None:
    signer = platform.world().material.signer()
    platform.heads["another-cluster"] = sign_head(invented_head("another-cluster"), signer)
    world = platform.world()
    with pytest.raises(DecisionNeeded) as stopped_up:
        Runner(world.plan, world, kind_class).run()
    live = command.compared(world)
    stopped = live.stopped
    assert stopped is not None
    assert (
        list(command.live_lines(live))[-1] == "up would be stopped (E_OTHER_CLUSTER) before its first change"
    )
    assert (stopped.code, stopped.exit_code, stopped.message) == (
        "E_OTHER_CLUSTER",
        5,
        stopped_up.value.message,
    )
    assert "--approve new-authority" in stopped.hint
    assert "--restore" in stopped.hint
    approved = replace(world, approvals=frozenset({"new-authority"}))
    assert command.compared(approved).stopped is None
    assert platform.cluster.mutations == []


def states(out: str) -> dict[str, str]:
    return {step["id"]: step["state"] for step in json.loads(out)["live"]["steps"]}


def test_an_empty_cluster_has_everything_pending(
    platform: SimulatedPlatform, shown: Callable[..., Shown]
) -> None:
    code, out = shown()
    assert code == 3
    live = json.loads(out)["live"]
    assert (live["pending"], live["run"]["state"], live["cluster"]) == (True, "none", platform.cluster.uid())
    found = states(out)
    assert (found["preflight"], found["claim"], found["scaffold"]) == ("holds", "changes", "changes")
    assert next(s for s in live["steps"] if s["id"] == "claim")["changes"][0].startswith("create Namespace")
    assert platform.cluster.mutations == []


def test_a_finished_cluster_has_nothing_pending(
    platform: SimulatedPlatform, shown: Callable[..., Shown]
) -> None:
    platform.up()
    platform.cluster.mutations.clear()
    platform.vault.mutations.clear()
    code, out = shown()
    assert (code, json.loads(out)["live"]["pending"]) == (0, False)
    assert set(states(out).values()) == {"holds"}
    assert (platform.cluster.mutations, platform.vault.mutations) == ([], [])


def test_what_somebody_changed_is_named(platform: SimulatedPlatform, shown: Callable[..., Shown]) -> None:
    platform.up()
    ref = Ref("policy/v1", "PodDisruptionBudget", "vault", "vault")
    live = platform.cluster.get(ref)
    assert live is not None
    platform.cluster.delete(ref, uid=live["metadata"]["uid"])
    code, out = shown(text=True)
    assert code == 3
    assert re.search(r"^  changes +vault-unsealer ", out, re.M)
    assert "    - apply PodDisruptionBudget vault/vault" in out
    assert out.endswith("changes are pending\n")
    assert shown(detailed=False)[0] == 0


def test_without_a_root_key_the_rest_is_told(
    platform: SimulatedPlatform, shown: Callable[..., Shown]
) -> None:
    assert shown(root="")[0] == 3  # an empty cluster
    platform.up()
    code, out = shown(root="")
    step = next(s for s in json.loads(out)["live"]["steps"] if s["id"] == "root-of-trust")
    assert (code, step["state"], step["code"]) == (0, "unknown", "E_ROOT_NEEDED")
    assert [i for i, s in states(out).items() if s != "holds"] == ["root-of-trust"]


def test_what_would_stop_up_stops_plan_once_all_is_shown(
    platform: SimulatedPlatform, repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    storage = Ref("storage.k8s.io/v1", "StorageClass", "standard")
    live = platform.cluster.get(storage)
    assert live is not None
    platform.cluster.delete(storage, uid=live["metadata"]["uid"])
    with pytest.raises(PreconditionError) as stopped:
        plan.show(
            Options(repo=str(repository), kubeconfig=KUBECONFIG, root="given", output=Output.JSON),
            detailed_exitcode=False,
        )
    assert stopped.value.code == "E_STORAGE"
    assert states(capsys.readouterr().out)["preflight"] == "blocked"


def test_missing_permissions_are_named_together(
    platform: SimulatedPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the run record may not be read either."""
    platform.cluster.denied.add(Permission("get", "", "configmaps", "bootstrap-system"))

    def denied(*_: Any) -> None:
        raise WorldError("the API server answered 403", code="E_KUBE_DENIED")

    monkeypatch.setattr(command, "read_run", denied)
    live = command.compared(platform.world())
    assert live.stopped is not None
    assert (live.stopped.code, live.document["run"]["state"]) == ("E_RBAC", "none")


def test_an_unfinished_run_is_pending_and_one_of_another_plan_says_so(
    platform: SimulatedPlatform, shown: Callable[..., Shown]
) -> None:
    with pytest.raises(Killed):
        platform.up(**Schedule(Fault.KILL_AFTER, 25, only_writes=True).ports(platform))
    code, out = shown()
    run = json.loads(out)["live"]["run"]
    assert (code, run["state"], run["epoch"], run["asks"]) == (3, "running", 1, False)
    assert re.search(r"^live .*, run 1 unfinished$", shown(text=True)[1], re.M)
    world = platform.world()
    world.plan = replace(world.plan, document={**world.plan.document, "tool": "0.2.0"})
    assert command.compared(world).document["run"]["asks"] is True


def test_the_plan_itself_is_the_same_with_a_cluster_and_without(
    platform: SimulatedPlatform, shown: Callable[..., Shown], tmp_path: Path
) -> None:
    alone, beside = shown(live=False)[1], shown()[1]
    assert set(json.loads(alone)) == {"digest", "plan"}
    first = shown(live=False, text=True)[1]
    assert shown(text=True)[1].startswith(first)
    told = json.loads(beside)
    del told["live"]
    assert json.dumps(told, sort_keys=True, indent=2, ensure_ascii=False) + "\n" == alone
    now = platform.world().plan
    for name, content in (("alone", alone), ("beside", beside)):
        file = tmp_path / name
        file.write_text(content)
        check_pinned(file, now)


# ---------------------------------------------------------------- the schema


def test_the_real_document_is_what_the_schema_says(
    platform: SimulatedPlatform, shown: Callable[..., Shown]
) -> None:
    schema = json.loads(schema_document("plan"))
    for out in (shown(live=False)[1], shown()[1], shown(root="")[1]):
        assert list(faults(json.loads(out), schema, schema)) == []
    platform.up()
    found = json.loads(shown()[1])
    assert list(faults(found, schema, schema)) == []
    ways: tuple[Callable[[Any], object], ...] = (
        lambda d: d["plan"].update(more=1),
        lambda d: d["plan"].pop("tree"),
        lambda d: d["live"]["steps"][0].update(state="fine"),
        lambda d: d["plan"]["platform"]["vault"].update(replicas="3"),
    )
    for spoil in ways:
        spoilt = json.loads(json.dumps(found))
        spoil(spoilt)
        assert list(faults(spoilt, schema, schema)), "the schema takes anything"


TYPES: dict[str, Any] = {"string": str, "integer": int, "boolean": bool, "null": type(None), "array": list}


def faults(value: Any, schema: dict[str, Any], top: dict[str, Any], at: str = "$") -> Iterator[str]:
    """The part of JSON Schema that our own schemas use; a keyword that it does not know is an error."""
    known = {
        "$ref",
        "$defs",
        "$schema",
        "anyOf",
        "type",
        "properties",
        "required",
        "additionalProperties",
        "items",
    }
    assert schema.keys() <= known | {"title", "description", "enum", "const", "default"}, (
        schema.keys() - known
    )
    if "$ref" in schema:
        yield from faults(value, top["$defs"][schema["$ref"].rsplit("/", 1)[1]], top, at)
    if "anyOf" in schema and all(list(faults(value, one, top, at)) for one in schema["anyOf"]):
        yield f"{at}: none of the alternatives"
    if "enum" in schema and value not in schema["enum"]:
        yield f"{at}: not one of {schema['enum']}"
    if "const" in schema and value != schema["const"]:
        yield f"{at}: not {schema['const']}"
    kind = schema.get("type")
    if kind == "object":
        if not isinstance(value, dict):
            yield f"{at}: no mapping"
            return
        yield from (f"{at}: {key} is missing" for key in schema.get("required", ()) if key not in value)
        for key, item in value.items():
            inner = schema.get("properties", {}).get(key, schema.get("additionalProperties", True))
            if inner is False:
                yield f"{at}.{key}: not known"
            elif isinstance(inner, dict):
                yield from faults(item, inner, top, f"{at}.{key}")
    elif kind == "array" and isinstance(value, list):
        for n, item in enumerate(value):
            yield from faults(item, schema["items"], top, f"{at}[{n}]")
    elif kind and (not isinstance(value, TYPES[kind]) or (kind == "integer" and isinstance(value, bool))):
        yield f"{at}: no {kind}"
