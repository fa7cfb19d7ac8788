"""What kustomize, Flux and Argo CD do to a Secret on its way: followed, or said, and never a wrong value (INV1)."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from bootstrap.adapters.age import root as age
from bootstrap.adapters.sops.writer import encrypt_yaml
from bootstrap.operations.importing.candidates import Findings
from tests.support.team_tree import KUSTOMIZE, REGEX, Tree, wrapped

ROOT = age.generate()
CANARY = "canary-91ab00"
SHOP = f"{KUSTOMIZE}namespace: shop\nresources: [a.yaml, b.yaml]\n"


@pytest.fixture
def team(tmp_path: Path) -> Tree:
    """Two Secrets of a shop, one of which is patched by each test."""
    made = Tree(tmp_path, ROOT)
    made.flux("clusters/a/apps.yaml", "apps", "./apps/shop")
    made.seal("apps/shop/a.yaml", "a", metadata={"labels": {"part": "front"}})
    made.seal("apps/shop/b.yaml", "b")
    return made


def names(found: Findings) -> set[str]:
    return {entry.name for entry in found.found}


def left(found: Findings) -> dict[str, str]:
    return {each.where: each.why for each in found.left}


def places(found: Findings) -> set[tuple[str, str]]:
    return {(each.namespace, each.secret) for entry in found.found for each in entry.consumers}


def merge(**more: Any) -> str:
    return yaml.safe_dump({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}, **more})


def kustomized(team: Tree, **more: Any) -> None:
    team.write("apps/shop/kustomization.yaml", SHOP + (yaml.safe_dump(more) if more else ""))


A = {"kind": "Secret", "name": "a"}
ADD = [{"op": "add", "path": "/stringData/more", "value": "x"}]
VALUES: dict[str, dict[str, Any]] = {
    "strategic merge, inline": {"patches": [{"patch": merge(stringData={"token": "x"})}]},
    "strategic merge with a target": {"patches": [{"target": A, "patch": merge(stringData={"token": "x"})}]},
    "of data beside stringData": {"patches": [{"target": A, "patch": merge(data={"token": "eA=="})}]},
    "one that removes": {"patches": [{"target": A, "patch": merge(stringData={"token": None})}]},
    "JSON6902, inline": {"patches": [{"target": A, "patch": yaml.safe_dump(ADD)}]},
    "JSON6902, in JSON": {
        "patches": [{"target": A, "patch": '[{"op": "remove", "path": "/stringData/token"}]'}]
    },
    "the older list of JSON6902": {
        "patchesJson6902": [{"target": {"version": "v1", **A}, "patch": yaml.safe_dump(ADD)}]
    },
    "the older list of merges": {"patchesStrategicMerge": [merge(stringData={"token": "x"})]},
    "a target by expression": {
        "patches": [{"target": {"kind": "Sec.*", "name": "[a]"}, "patch": yaml.safe_dump(ADD)}]
    },
    "a target by label": {
        "patches": [
            {
                "target": {"kind": "Secret", "labelSelector": "part in (front, back)"},
                "patch": yaml.safe_dump(ADD),
            }
        ]
    },
    "its type": {"patches": [{"target": A, "patch": merge(type="example.org/x")}]},
    "an expression that would run for ever": {
        "patches": [{"target": {"kind": "Secret", "name": "(a|aa)+$|(?i)A"}, "patch": yaml.safe_dump(ADD)}]
    },
    "a patch that is no YAML": {"patches": [{"target": A, "patch": "a: [\n"}]},
    "the whole of it": {
        "patches": [{"target": A, "patch": yaml.safe_dump([{"op": "replace", "path": "", "value": {}}])}]
    },
    "another name": {
        "patches": [
            {"target": A, "patch": merge(metadata={"name": "c"}), "options": {"allowNameChange": True}}
        ]
    },
    "another namespace": {
        "patches": [{"target": A, "patch": '[{"op": "add", "path": "/metadata/namespace", "value": "x"}]'}]
    },
    "away": {"patches": [{"patch": merge(**{"$patch": "delete"})}]},
    "a replacement": {
        "replacements": [
            {
                "source": {"kind": "ConfigMap", "name": "c"},
                "targets": [{"select": A, "fieldPaths": ["stringData.token"]}],
            }
        ]
    },
    "a generator": {"secretGenerator": [{"name": "a", "behavior": "merge", "literals": ["token=x"]}]},
}


@pytest.mark.parametrize("how", VALUES)
def test_a_secret_that_kustomize_changes_is_said_and_never_taken_with_the_files_value(
    team: Tree, how: str
) -> None:
    kustomized(team, **VALUES[how])
    found = team.findings()
    assert names(found) == {"shop-b"}
    (line,) = found.left
    assert line.where == "apps/shop/a.yaml: Secret a"
    assert line.why.endswith(": apps/shop/kustomization.yaml")


def test_a_patch_in_a_file_that_is_sealed_itself_is_named(team: Tree) -> None:
    """As an overlay has it, over a base with words that are to be replaced."""
    tree = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}, "stringData": {"token": CANARY}}
    team.write(
        "apps/shop/patch.yaml", encrypt_yaml(wrapped(tree), team.root.recipients, encrypted_regex=REGEX)
    )
    kustomized(team, patches=[{"path": "patch.yaml"}])
    found = team.findings()
    assert left(found) == {
        "apps/shop/a.yaml: Secret a": "a patch changes its stringData: apps/shop/patch.yaml",
        "apps/shop/patch.yaml": "a patch",
    }
    assert names(found) == {"shop-b"}


@pytest.mark.parametrize("named_whole", [True, False])
def test_a_patch_of_the_controller_counts_too(team: Tree, named_whole: bool) -> None:
    """Of Flux's own object, by the name that the Secret has then or by the one that its file has."""
    name = "pre-a" if named_whole else "a"
    patch = {"target": {"kind": "Secret", "name": name}, "patch": yaml.safe_dump(ADD)}
    team.flux("clusters/a/apps.yaml", "apps", "./apps/shop", patches=[patch])
    kustomized(team, namePrefix="pre-")
    found = team.findings()
    assert left(found)["apps/shop/a.yaml: Secret a"] == "a patch changes its stringData: clusters/a/apps.yaml"
    assert names(found) == {"shop-pre-b"}


def test_labels_and_annotations_of_patches_are_carried(team: Tree) -> None:
    marks = {"labels": {"part": "back", "new": "1"}, "annotations": {"reloader.stakater.com/match": "true"}}
    json = [
        {"op": "add", "path": "/metadata/annotations/example.org~1x", "value": "y"},
        {"op": "remove", "path": "/metadata/labels/new"},
        {"op": "test", "path": "/kind", "value": "Secret"},
    ]
    kustomized(
        team,
        patches=[
            {
                "target": {"kind": "Secret", "labelSelector": "part=front"},
                "patch": merge(metadata={"name": "any", **marks}),
            },
            {"target": A, "patch": yaml.safe_dump(json)},
            {"target": {"kind": "Deployment"}, "patch": yaml.safe_dump(ADD)},
            {"target": {"kind": "Secret", "name": "a.+"}, "patch": yaml.safe_dump(ADD)},
            {"target": {"kind": "Secret", "labelSelector": "part!=back,part"}, "patch": yaml.safe_dump(ADD)},
        ],
    )
    consumers = {entry.name: entry.consumers[0] for entry in team.findings().found}
    assert consumers["shop-a"].labels == {"part": "back"}
    assert consumers["shop-a"].annotations == {"example.org/x": "y", "reloader.stakater.com/match": "true"}
    assert consumers["shop-b"].labels == {}


@pytest.mark.parametrize("by_flux", [True, False])
def test_a_component_changes_all_that_stands_before_it(team: Tree, by_flux: bool) -> None:
    component = KUSTOMIZE.replace("kind: Kustomization", "kind: Component")
    patch = {"target": A, "patch": yaml.safe_dump(ADD)}
    marks = yaml.safe_dump({"namePrefix": "c-", "commonLabels": {"by": "component"}, "patches": [patch]})
    team.write("components/c/kustomization.yaml", component + marks)
    if by_flux:
        team.flux("clusters/a/apps.yaml", "apps", "./apps/shop", components=["../../components/c"])
        kustomized(team)
    else:
        kustomized(team, components=["../../components/c"])
    found = team.findings()
    assert left(found) == {
        "apps/shop/a.yaml: Secret a": "a patch changes its stringData: components/c/kustomization.yaml"
    }
    assert places(found) == {("shop", "c-b")}
    assert found.found[0].consumers[0].labels == {"by": "component"}


def test_a_name_with_a_hash_is_told_and_no_hash_of_a_value_is_written(team: Tree) -> None:
    mark = {"annotations": {"kustomize.config.k8s.io/needs-hash": "true"}}
    team.seal("apps/shop/a.yaml", "a", metadata=mark)
    kustomized(team)
    found = team.findings()
    (note,) = found.shown
    assert (
        "shop-a: kustomize ends its name with a hash of its values; made from Vault it is called a," in note
    )
    assert places(found) == {("shop", "a"), ("shop", "b")}
    assert not any(each.annotations for entry in found.found for each in entry.consumers)


def test_a_secret_that_is_merged_with_another_is_not_taken(team: Tree) -> None:
    mark = {"annotations": {"kustomize.config.k8s.io/behavior": "merge"}}
    team.seal("apps/shop/a.yaml", "a", metadata=mark)
    kustomized(team)
    found = team.findings()
    assert left(found) == {
        "apps/shop/a.yaml: Secret a": "kustomize merges it with another Secret of its name"
    }
    assert names(found) == {"shop-b"}


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://github.com/org/repo//path?ref=v1", "https://github.com/org/repo//path?ref=v1"),
        (f"https://me:{CANARY}@git.example/org/repo.git", "https://git.example/org/repo.git"),
        ("git@github.com:org/repo.git//path", "git@github.com:org/repo.git//path"),
        ("github.com/org/repo//path?ref=v1", "github.com/org/repo//path?ref=v1"),
        ("ssh://git@host/org/repo", "ssh://host/org/repo"),
    ],
)
def test_what_is_fetched_from_elsewhere_is_named(team: Tree, address: str, shown: str) -> None:
    kustomized(team)
    text = (team.folder / "apps/shop/kustomization.yaml").read_text()
    team.write("apps/shop/kustomization.yaml", text.replace("b.yaml]", f"b.yaml, '{address}']"))
    found = team.findings()
    assert found.shown == [f"fetched from elsewhere, and not followed: {shown}"]
    assert names(found) == {"shop-a", "shop-b"}


def test_a_name_that_leads_nowhere_is_no_address(team: Tree) -> None:
    kustomized(team)
    text = (team.folder / "apps/shop/kustomization.yaml").read_text()
    team.write("apps/shop/kustomization.yaml", text.replace("b.yaml]", "b.yaml, ../gone, gone.yaml]"))
    found = team.findings()
    assert (found.shown, names(found)) == ([], {"shop-a", "shop-b"})


# ---------------------------------------------------------------- Argo CD


def argo(team: Tree, generators: list[Any], path: str, namespace: str, **spec: Any) -> None:
    source = {"source": {"path": path}, "destination": {"namespace": namespace}}
    head = {"apiVersion": "argoproj.io/v1alpha1", "kind": "ApplicationSet", "metadata": {"name": "set"}}
    whole = {"generators": generators, "template": {"metadata": {"name": "x"}, "spec": source}, **spec}
    team.write("argo/set.yaml", yaml.safe_dump({**head, "spec": whole}))


FOLDERS = {"git": {"directories": [{"path": "tenants/*"}, {"path": "tenants/old", "exclude": True}]}}
FILES = {"git": {"files": [{"path": "tenants/**/tenant.json"}]}}
NAMES = {"list": {"elements": [{"name": "red"}, {"name": "blue"}]}}
SETS: dict[str, tuple[list[Any], str, str]] = {
    "folders, without one": ([FOLDERS], "{{path}}", "{{path.basename}}"),
    "in the language of Go": ([FOLDERS], "{{ .path.path }}", "{{ index .path.segments 1 }}"),
    "files": ([FILES], "{{path}}", "{{tenant.name}}"),
    "a list": ([NAMES], "tenants/{{name}}", "{{ .name }}"),
    "each of one with each of another": (
        [{"matrix": {"generators": [FOLDERS, {"list": {"elements": [{"end": ""}]}}]}}],
        "{{path}}",
        "{{path.basename}}{{end}}",
    ),
    "one with what others say more": (
        [
            {
                "merge": {
                    "mergeKeys": ["name"],
                    "generators": [NAMES, {"list": {"elements": [{"name": "red", "x": "y"}]}}],
                }
            }
        ],
        "tenants/{{name}}",
        "{{name}}",
    ),
}


@pytest.fixture
def tenants(tmp_path: Path) -> Tree:
    made = Tree(tmp_path, ROOT)
    for tenant in ("red", "blue", "old"):
        made.seal(f"tenants/{tenant}/s.yaml", f"of-{tenant}")
        if tenant != "old":
            made.write(f"tenants/{tenant}/tenant.json", f'{{"tenant": {{"name": "{tenant}"}}}}')
    return made


@pytest.mark.parametrize("how", SETS)
def test_a_set_of_applications_is_what_its_generators_make_of_the_repository(tenants: Tree, how: str) -> None:
    argo(tenants, *SETS[how])
    assert places(tenants.findings()) == {("red", "of-red"), ("blue", "of-blue")}


def test_a_namespace_that_only_the_cluster_knows_is_no_name(tenants: Tree) -> None:
    argo(tenants, [{"clusters": {}}], "tenants/red", "{{name}}")
    argo(tenants, [{"matrix": {"generators": [{"clusters": {}}, FOLDERS]}}], "{{path}}", "{{name}}")
    tenants.seal("tenants/red/t.yaml", "named", metadata={"namespace": "shop"})
    found = tenants.findings()
    assert left(found)["tenants/red/s.yaml: Secret of-red"].startswith("{{name}} in its name: nothing says")
    assert places(found) == {("shop", "named")}


def test_patches_and_components_of_an_application(tmp_path: Path) -> None:
    team = Tree(tmp_path, ROOT)
    head = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": {"name": "a"}}
    built = {"patches": [{"target": A, "patch": yaml.safe_dump(ADD)}], "components": ["../../components/c"]}
    spec = {"source": {"path": "apps/one", "kustomize": built}, "destination": {"namespace": "one"}}
    team.write("argo/one.yaml", yaml.safe_dump({**head, "spec": spec}))
    inline = "- |-\n  apiVersion: viaduct.ai/v1\n  kind: ksops\n  metadata: {name: g}\n"
    inline += "  files: [a.enc.yaml, b.enc.yaml]\n"
    team.write("apps/one/kustomization.yaml", f"{KUSTOMIZE}generators:\n{inline}")
    team.write("components/c/kustomization.yaml", f"{KUSTOMIZE}nameSuffix: -c\n")
    for name in ("a", "b"):
        team.seal(f"apps/one/{name}.enc.yaml", name)
    found = team.findings()
    assert left(found) == {"apps/one/a.enc.yaml: Secret a": "a patch changes its stringData: argo/one.yaml"}
    assert places(found) == {("one", "b-c")}
