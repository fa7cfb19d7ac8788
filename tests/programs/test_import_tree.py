"""What `import` makes of a tree: what is live, where it goes, what stands for no value, what opens the repository."""

import base64
import json
import subprocess
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from bootstrap.adapters.age import root as age
from bootstrap.adapters.age.root import AgeRoot
from bootstrap.adapters.root.opening_keys import opens
from bootstrap.adapters.root.root_key import encrypt_to
from bootstrap.adapters.sops.writer import encrypt_yaml
from bootstrap.cli.app import app
from bootstrap.model.errors import DefinitionError
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Opened
from tests.support.program import commit_all
from tests.support.team_tree import CANARY, KUSTOMIZE, REGEX, Team, wrapped


@pytest.fixture
def team(tmp_path: Path) -> Team:
    return Team(tmp_path)


# ---------------------------------------------------------------- what is live


def test_files_that_nothing_applies_are_listed_and_not_taken(team: Team) -> None:
    team.flux("clusters/a/apps.yaml", "apps", "./apps")
    team.write("apps/kustomization.yaml", f"{KUSTOMIZE}resources: [shop]\n")
    team.write("apps/shop/kustomization.yaml", f"{KUSTOMIZE}namespace: shop\nresources: [live.yaml]\n")
    team.seal("apps/shop/live.yaml", "live")
    team.seal("apps/shop/dead.yaml", "dead", metadata={"namespace": "shop"})
    team.write("apps/old/kustomization.yaml", f"{KUSTOMIZE}namespace: old\nresources: [older.yaml]\n")
    team.seal("apps/old/older.yaml", "older")
    team.flux("apps/gone/ks.yaml", "gone", "./gone")
    team.seal("gone/left.yaml", "left")
    team.seal("byhand/key.yaml", "by-hand", metadata={"namespace": "flux-system"})
    said = team.call("--owner", "team")
    assert team.consumers() == {("shop", "live"), ("flux-system", "by-hand")}
    assert (
        "not taken: out of use: no kustomization applies it: 2 (apps/old/older.yaml, apps/shop/dead.yaml)"
        in said
    )
    assert "5 encrypted files, 2 taken, 3 not" in said


def test_a_component_has_a_consumer_for_each_namespace_that_uses_it(team: Team) -> None:
    spaces = [f"team-{number}" for number in range(17)]
    for space in spaces:
        team.flux(f"clusters/{space}.yaml", space, f"./apps/{space}", targetNamespace=space)
        team.write(
            f"apps/{space}/kustomization.yaml", f"{KUSTOMIZE}components: [../../components/registry]\n"
        )
    component = KUSTOMIZE.replace("kind: Kustomization", "kind: Component")
    team.write("components/registry/kustomization.yaml", f"{component}resources: [pull.yaml]\n")
    team.seal("components/registry/pull.yaml", "pull", {"a": CANARY})
    team.call("--owner", "team")
    (entry,) = team.entries().values()
    assert {(c["namespace"], c["secret"]) for c in entry["consumers"]} == {
        (space, "pull") for space in spaces
    }
    assert team.values() == {"pull": {"a": CANARY}}


def test_what_kustomize_and_flux_do_to_names_and_marks(team: Team) -> None:
    more = {"commonMetadata": {"labels": {"by": "flux"}}, "components": ["../../components/x"]}
    team.flux("clusters/shop.yaml", "shop", "./apps/shop", targetNamespace="target", **more)
    text = f"{KUSTOMIZE}namespace: inner\nnamePrefix: pre-\nnameSuffix: -suf\ncommonLabels: {{app: shop}}\n"
    team.write("apps/shop/kustomization.yaml", f"{text}resources: [../base]\n")
    team.write("apps/base/kustomization.yaml", f"{KUSTOMIZE}namePrefix: base-\nresources: [a.yaml]\n")
    marks = {
        "labels": {"argocd.argoproj.io/secret-type": "cluster", "kustomize.toolkit.fluxcd.io/name": "x"},
        "annotations": {
            "reloader.stakater.com/match": "true",
            "kubectl.kubernetes.io/last-applied-configuration": "x",
        },
    }
    team.seal(
        "apps/base/a.yaml", "a", metadata=marks, type="kubernetes.io/basic-auth", values={"username": CANARY}
    )
    team.write("components/x/kustomization.yaml", f"{KUSTOMIZE}resources: [b.yaml]\n")
    team.seal("components/x/b.yaml", "b")
    team.call("--owner", "team")
    found = {c["secret"]: c for e in team.entries().values() for c in e["consumers"]}
    assert found["pre-base-a-suf"] == {
        "namespace": "target",
        "secret": "pre-base-a-suf",
        "type": "kubernetes.io/basic-auth",
        "labels": {"app": "shop", "argocd.argoproj.io/secret-type": "cluster", "by": "flux"},
        "annotations": {"reloader.stakater.com/match": "true"},
    }
    assert found["b"]["namespace"] == "target"
    team.values()


def test_argo_cd_with_ksops_helm_secrets_and_sets(team: Team) -> None:
    head = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": {"name": "a"}}
    chart = {"path": "charts/web", "helm": {"valueFiles": ["values.yaml", "secrets://values.sops.yaml"]}}
    spec = {"sources": [{"path": "apps/one"}, chart], "destination": {"namespace": "one"}}
    team.write("argo/one.yaml", yaml.safe_dump({**head, "spec": spec}))
    template = {"spec": {"source": {"path": "{{path}}"}, "destination": {"namespace": "{{path.basename}}"}}}
    generators = [{"git": {"directories": [{"path": "tenants/*"}]}}]
    several = {**head, "kind": "ApplicationSet", "spec": {"generators": generators, "template": template}}
    team.write("argo/set.yaml", yaml.safe_dump(several))
    team.write("apps/one/kustomization.yaml", f"{KUSTOMIZE}generators: [gen.yaml]\n")
    generator = "apiVersion: viaduct.ai/v1\nkind: ksops\nmetadata: {name: g}\nfiles: [./a.enc.yaml]\n"
    team.write(
        "apps/one/gen.yaml",
        f"{generator}secretFrom: [{{metadata: {{name: f}}, files: [token=t.enc.yaml]}}]\n",
    )
    team.seal("apps/one/a.enc.yaml", "a")
    for path in ("apps/one/t.enc.yaml", "charts/web/values.sops.yaml"):
        team.write(path, encrypt_yaml({"x": Sensitive(CANARY.encode())}, team.root.recipients))
    for tenant in ("red", "blue"):
        team.seal(f"tenants/{tenant}/s.yaml", f"of-{tenant}")
    said = team.call("--owner", "team")
    assert team.consumers() == {("one", "a"), ("red", "of-red"), ("blue", "of-blue")}
    assert "charts/web/values.sops.yaml: Helm values" in said
    assert "apps/one/t.enc.yaml: the input of a generator" in said


def test_one_cluster_of_several_is_named_by_its_folder(team: Team) -> None:
    for name in ("one", "two"):
        team.flux(f"clusters/{name}/apps.yaml", name, f"./apps/{name}", targetNamespace="shop")
        team.seal(f"apps/{name}/s.yaml", "login", {"of": f"{CANARY}-{name}"})
    subprocess.run(["git", "init", "-q", str(team.folder)], check=True)
    commit_all(team.folder)
    said = team.call("--owner", "team", under="clusters/two")
    assert team.values() == {"shop-login": {"of": f"{CANARY}-two"}}
    assert "1 encrypted file, 1 taken, 0 not; 1 entry" in said


def test_two_secrets_of_one_name_are_one_entry_and_a_line(team: Team) -> None:
    for name in ("one", "two"):
        team.flux(f"clusters/{name}/apps.yaml", name, f"./apps/{name}", targetNamespace="shop")
        team.seal(f"apps/{name}/s.yaml", "login", {"of": f"{CANARY}-{name}"})
    said = team.call("--owner", "team")
    assert team.values() == {"shop-login": {"of": f"{CANARY}-one"}}
    assert "its name is taken: shop/login of apps/one/s.yaml; name the folder of one cluster" in said


def test_the_commit_is_read_and_not_the_work_tree(team: Team) -> None:
    team.seal("a.yaml", "a", metadata={"namespace": "n"})
    subprocess.run(["git", "init", "-q", str(team.folder)], check=True)
    commit_all(team.folder)
    team.seal("scratch.yaml", "scratch", metadata={"namespace": "n"})
    (team.folder / "a.yaml").write_text("gone: true\n")
    team.call("--owner", "team")
    assert team.values() == {"n-a": {"token": f"{CANARY}-a"}}


# ---------------------------------------------------------------- what is no value


def test_variables_of_flux_are_filled_in_where_the_repository_says_how(team: Team) -> None:
    sources = [{"kind": "ConfigMap", "name": "settings"}, {"kind": "Secret", "name": "vars"}]
    for app_name in ("mail", "web"):
        build = {"substitute": {"APP": app_name}, "substituteFrom": sources}
        team.flux(
            f"clusters/{app_name}.yaml", app_name, "./parts/backup", targetNamespace=app_name, postBuild=build
        )
    team.write("parts/backup/kustomization.yaml", f"{KUSTOMIZE}resources: [s.yaml]\n")
    values = {
        "repo": "s3:${HOST:=none}/${APP}",
        "password": "${PASSWORD}",
        "same": "$${APP}",
        "plain": CANARY,
    }
    team.seal("parts/backup/s.yaml", "${APP}-backup", values)
    team.flux("clusters/config.yaml", "config", "./config")
    team.write(
        "config/settings.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {HOST: h}\n",
    )
    team.seal("config/vars.yaml", "vars", {"PASSWORD": f"{CANARY}-p"}, metadata={"namespace": "flux-system"})
    team.call("--owner", "team")
    common = {"password": f"{CANARY}-p", "same": "${APP}", "plain": CANARY}
    found = team.values()
    assert found["mail-mail-backup"] == {"repo": "s3:h/mail", **common}
    assert found["web-web-backup"] == {"repo": "s3:h/web", **common}
    assert team.consumers() >= {("mail", "mail-backup"), ("web", "web-backup")}


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("${PASSWORD}", "${PASSWORD} in it: nothing says what it stands for"),
        ("a ${B} c ${D:-e}", "${B} in it: nothing says what it stands for"),
        ("{{ .Values.password }}", "a template"),
        ("{% if x %}", "a template"),
        ("**SOPS**", "the mask that `flux build` prints"),
        ("***SOPS***", "the mask that `flux build` prints"),
    ],
)
def test_what_stands_for_a_value_is_never_one(team: Team, value: str, said: str) -> None:
    team.seal("a.yaml", "a", {"field": value}, metadata={"namespace": "n"})
    team.seal("b.yaml", "b", metadata={"namespace": "n"})
    assert said in team.call("--owner", "team")
    assert set(team.values()) == {"n-b"}


def test_what_only_looks_like_it_is_a_value(team: Team) -> None:
    """A text of several lines may be a template itself; base64 hides a variable from Flux; Flux can be told off."""
    alert = "receivers:\n- text: '{{ template \"slack\" . }}'\n"
    team.seal("a.yaml", "a", {"alertmanager.yaml": alert}, metadata={"namespace": "n"})
    off = {"annotations": {"kustomize.toolkit.fluxcd.io/substitute": "disabled"}, "namespace": "n"}
    team.seal("b.yaml", "b", {"x": "${HOME}"}, metadata=off)
    encoded = base64.b64encode(b"${HOME}").decode()
    tree = wrapped(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "c", "namespace": "n"},
            "data": {"x": encoded},
        }
    )
    team.write("c.yaml", encrypt_yaml(tree, team.root.recipients, encrypted_regex=REGEX))
    team.call("--owner", "team")
    assert team.values() == {
        "n-a": {"alertmanager.yaml": alert},
        "n-b": {"x": "${HOME}"},
        "n-c": {"x": "${HOME}"},
    }


@pytest.mark.parametrize(
    "word", ["changeme", "CHANGE_ME", "<password>", "REPLACE-ME", "xxxx", "your-token-here", "TODO"]
)
def test_a_plain_base_that_an_overlay_replaces_is_none(team: Team, word: str) -> None:
    head = "apiVersion: v1\nkind: Secret\nmetadata: {name: login, namespace: shop}\n"
    team.write("base/secret.yaml", f"{head}stringData: {{password: '{word}'}}\n")
    team.seal("other.yaml", "other", metadata={"namespace": "n"})
    assert "its password is a word that is to be replaced" in team.call("--owner", "team")
    assert set(team.values()) == {"n-other"}


# ---------------------------------------------------------------- what is no Secret


def test_what_is_no_secret_is_a_line_for_each_class(team: Team) -> None:
    team.flux("clusters/a.yaml", "a", "./apps", targetNamespace="n")
    team.seal("apps/live.yaml", "live")
    leaf = {"x": Sensitive(CANARY.encode())}
    for number in range(31):
        team.write(f"charts/{number}/values.sops.yaml", encrypt_yaml(leaf, team.root.recipients))
    for path in (
        "ansible/group_vars/all.sops.yaml",
        "talos/talsecret.sops.yaml",
        "tf/prod.tfvars.sops.json",
        "m/x.yaml",
    ):
        team.write(path, encrypt_yaml(leaf, team.root.recipients))
    route = wrapped(
        {
            "apiVersion": "route.openshift.io/v1",
            "kind": "Route",
            "metadata": {"name": "r"},
            "spec": {"key": CANARY},
        }
    )
    team.write("apps/route.yaml", encrypt_yaml(route, team.root.recipients, encrypted_regex="^key$"))
    said = team.call("--owner", "team")
    for line in (
        "not taken: Helm values: 31 (",
        "ansible/group_vars/all.sops.yaml: variables of Ansible",
        "talos/talsecret.sops.yaml: configuration of Talos",
        "apps/route.yaml: kind Route",
        "m/x.yaml: a YAML file that is no Secret",
    ):
        assert line in said
    assert team.values() == {"n-live": {"token": f"{CANARY}-live"}}


def test_where_nothing_can_be_taken_for_its_type_the_hint_is_the_file_to_edit(team: Team) -> None:
    """Sealed as numbers and booleans by an editor of the team's; all of them are named at once."""
    words = ["import", str(team.folder), "--repo", str(team.repository), *team.key]
    sealed = encrypt_yaml({"a": Sensitive(CANARY.encode()), "b": Sensitive(b"1")}, team.root.recipients)
    team.write("deep/login.sops.yaml", sealed.replace(b"type:str]", b"type:int]"))
    done = CliRunner().invoke(app, words)  # the type is no part of what is authenticated
    assert isinstance(done.exception, DefinitionError)
    assert done.exception.hint == "sops edit deep/login.sops.yaml"
    assert "E_TYPE a (int), b (int) is no text" in done.exception.message


def test_files_under_names_that_sops_does_not_know_are_named(team: Team) -> None:
    team.seal("a.yaml", "a", metadata={"namespace": "n"})
    for name in ("b.sops.yaml.disabled", "c.yaml.enc", "d.sops.yaml.bak"):
        team.seal(name, "x", metadata={"namespace": "n"})
    said = team.call("--owner", "team")
    assert all(name in said for name in ("b.sops.yaml.disabled", "c.yaml.enc", "d.sops.yaml.bak"))
    assert "4 encrypted files, 1 taken, 3 not" in said


# ---------------------------------------------------------------- keys


def private_keys(own: AgeRoot) -> dict[str, str]:
    text = own.export().reveal().decode()
    return {
        "as age-keygen writes it": f"# created: today\n# public key: {own.recipients[0]}\n{text}",
        "alone": text.strip(),
        "with others": f"{age.generate().export().reveal().decode()}{text}",
        "as base64": base64.b64encode(text.encode()).decode(),
    }


@pytest.mark.parametrize("how", ["as age-keygen writes it", "alone", "with others", "as base64"])
def test_s1_a_private_key_that_opens_the_repository_is_left_out(team: Team, how: str) -> None:
    """Whatever the Secret is called: it is opened with."""
    assert isinstance(team.root, AgeRoot)
    team.seal(
        "flux/harmless.yaml", "harmless", {"notes": private_keys(team.root)[how]}, metadata={"namespace": "n"}
    )
    other = age.generate().export().reveal().decode().strip()
    team.seal("flux/sops-age.yaml", "sops-age", {"age.agekey": other}, metadata={"namespace": "n"})
    said = team.call("--owner", "team")
    assert "flux/harmless.yaml: Secret harmless: a private key in it opens the encrypted files" in said
    assert set(team.values()) == {"n-sops-age"}  # a key of something else is a secret like any other


def test_s1_the_old_key_of_a_tree_is_left_out_too(team: Team, tmp_path: Path) -> None:
    old = age.generate()
    (tmp_path / "old.key").write_bytes(old.export().reveal())
    (tmp_path / "old.key").chmod(0o600)
    team.seal(
        "k.yaml",
        "k",
        {"key": old.export().reveal().decode()},
        recipients=old.recipients,
        metadata={"namespace": "n"},
    )
    team.seal("s.yaml", "s", recipients=old.recipients, metadata={"namespace": "n"})
    said = team.call("--owner", "team", "--root", f"file:{tmp_path}/old.key")
    assert "a private key in it opens the encrypted files" in said
    assert set(team.values()) == {"n-s"}


def test_every_key_is_tried_on_every_ciphertext() -> None:
    one, two, three = age.generate(), age.generate(), age.generate()
    locks = [encrypt_to(each.recipients, Sensitive(b"x")) for each in (one, two)]
    assert opens(two.export(), locks)
    assert not opens(three.export(), locks)
    assert not opens(Sensitive(b"AGE-SECRET-KEY-1" + b"Q" * 58), locks)
    assert not opens(Sensitive(b""), locks)


def test_a_file_that_no_key_opens_does_not_stop_the_others(team: Team, tmp_path: Path) -> None:
    other, third = age.generate(), age.generate()
    (tmp_path / "two.key").write_bytes(other.export().reveal())
    (tmp_path / "two.key").chmod(0o600)
    team.seal("a.yaml", "a", metadata={"namespace": "n"})
    team.seal("b.yaml", "b", recipients=other.recipients, metadata={"namespace": "n"})
    for number in range(5):
        team.seal(
            f"archive/{number}.yaml", f"c{number}", recipients=third.recipients, metadata={"namespace": "n"}
        )
    said = team.call("--owner", "team", "--root", f"file:{tmp_path}/two.key")
    assert (
        "not taken: no key that was given opens it: add --root file:PATH of one that does: 5 (archive/0.yaml"
        in said
    )
    assert set(team.values()) == {"n-a", "n-b"}


# ---------------------------------------------------------------- whose it is


def test_owners_and_purposes_are_found_where_they_are_written(team: Team) -> None:
    team.write(".github/CODEOWNERS", "* @org/everything\n/apps/shop/ @org/shop # the shop\n*.tmp @org/none\n")
    team.seal("apps/shop/a.yaml", "a", metadata={"namespace": "n"})
    team.seal("apps/b.yaml", "b", metadata={"namespace": "n"})
    marks = {
        "annotations": {"a8r.io/owner": "search", "a8r.io/description": "Reads the index"},
        "namespace": "n",
    }
    team.seal("apps/c.yaml", "c", metadata=marks)
    team.call()
    found = team.entries()
    assert {name: entry["owner"] for name, entry in found.items()} == {
        "n-a": "@org/shop",
        "n-b": "@org/everything",
        "n-c": "search",
    }
    assert found["n-c"]["purpose"] == "Reads the index"
    assert found["n-a"]["purpose"] == "Secret a of apps/shop/a.yaml"
    text = (team.repository / "secrets/imported.yaml").read_text()
    assert "# from apps/shop/a.yaml\napiVersion" in text
    team.values()


def test_what_reads_a_secret_is_named(team: Team) -> None:
    team.flux("clusters/a.yaml", "a", "./apps", targetNamespace="n")
    spec = {"template": {"spec": {"containers": [{"envFrom": [{"secretRef": {"name": "login"}}]}]}}}
    head = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}}
    team.write("apps/web.yaml", yaml.safe_dump({**head, "spec": spec}))
    team.seal("apps/login.yaml", "login")
    team.call("--owner", "team")
    entry = team.entries()["n-login"]
    assert entry["purpose"] == "login, read by Deployment web"
    assert entry["consumers"] == [{"namespace": "n", "secret": "login", "workload": "Deployment/web"}]


@pytest.mark.parametrize("declared", [True, False])
def test_what_vault_cannot_give_is_of_class_bootstrap_by_a_rule_that_is_shown(
    team: Team, declared: bool
) -> None:
    space = (
        "gitops" if declared else "flux-system"
    )  # the repository declares gitops under components.platform
    team.flux("clusters/a.yaml", "a", "./flux", targetNamespace=space)
    source = {
        "apiVersion": "source.toolkit.fluxcd.io/v1",
        "kind": "GitRepository",
        "metadata": {"name": "fleet"},
    }
    team.write("flux/source.yaml", yaml.safe_dump({**source, "spec": {"secretRef": {"name": "deploy"}}}))
    team.seal("flux/deploy.yaml", "deploy")
    said = team.call("--owner", "team")
    entry = team.entries()[f"{space}-deploy"]
    assert entry["class"] == ("bootstrap" if declared else "runtime")
    assert "GitRepository fleet reads it" in said
    if declared:
        assert entry["scaffold"] == {"namespace": "gitops", "name": "deploy-bootstrap"}
    else:
        assert "declare flux-system under components.platform" in said
    team.values()


# ---------------------------------------------------------------- again


def test_a_second_run_adds_what_is_new_and_changes_nothing_else(team: Team) -> None:
    team.seal("a.yaml", "a", metadata={"namespace": "n"})
    team.call("--owner", "team")
    catalog = team.repository / "secrets/imported.yaml"
    catalog.write_text(catalog.read_text().replace("owner: team", "owner: others"))
    before = {p: p.read_bytes() for p in team.repository.rglob("*") if p.is_file() and ".git/" not in str(p)}
    team.seal("b.yaml", "b", metadata={"namespace": "n"})
    said = team.call("--owner", "team")
    assert "2 encrypted files, 1 taken, 1 taken before, 0 not; 1 entry" in said
    text = catalog.read_bytes()
    assert text.startswith(before.pop(catalog))
    assert {p: p.read_bytes() for p in before} == before
    assert {name: e["owner"] for name, e in team.entries().items()} == {"n-a": "others", "n-b": "team"}
    assert set(team.values()) == {"n-a", "n-b"}
    assert "0 entries" in team.call("--owner", "team")


def test_the_report_for_a_program(team: Team) -> None:
    team.seal("a.yaml", "a", metadata={"namespace": "n"})
    team.seal("b.yaml", "b", {"x": "{{ y }}"}, metadata={"namespace": "n"})
    found = json.loads(team.call("--owner", "team", "-o", "json"))
    assert (found["encryptedFiles"], found["taken"], found["notTaken"]) == (2, 1, 1)
    assert found["left"] == [{"where": "b.yaml: Secret b", "why": "its x is a template"}]
    (entry,) = found["entries"]
    assert entry["from"] == "a.yaml"
    assert entry["consumers"] == [{"namespace": "n", "secret": "a"}]


def test_check_names_all_that_has_to_be_said_at_once(team: Team) -> None:
    for number in range(42):
        team.seal(f"{number}.yaml", f"s{number}", metadata={"namespace": "n"})
    team.call()
    commit_all(team.repository)
    done = CliRunner().invoke(app, ["check", "--repo", str(team.repository)])
    lines = [line for line in done.output.splitlines() if "E_PLACEHOLDER" in line or "W_KEEP_REASON" in line]
    assert len(lines) == 2, done.output
    assert "42 entries: the owner is not written yet" in lines[0]


# ---------------------------------------------------------------- names


@pytest.mark.parametrize("name", ["a.b", "true", "1", "null", "0x1f", "y", "a--b", "x" * 240])
def test_any_name_gives_yaml_that_is_read_as_it(team: Team, name: str) -> None:
    team.seal("a.yaml", name, metadata={"namespace": "on", "labels": {"k": "true", "n": "1", "e": ""}})
    team.call("--owner", "no: 1 # x", "--purpose", 'a "b" \\ {c}: [d] # é')
    (entry,) = team.entries().values()
    assert (entry["owner"], entry["purpose"]) == ("no: 1 # x", 'a "b" \\ {c}: [d] # é')
    assert entry["consumers"][0]["secret"] == name
    assert entry["consumers"][0]["labels"] == {"e": "", "k": "true", "n": "1"}
    team.values()


def test_a_value_beside_a_partial_rule_is_sealed_with_the_rest(team: Team) -> None:
    """As Argo CD's cluster Secrets are: `^(config)$`, with the server's name in the clear."""
    values: dict[str, Opened] = {
        "name": Sensitive(b"c"),
        "server": Sensitive(b"https://c"),
        "config": Sensitive(CANARY.encode()),
    }
    tree: dict[str, Opened] = {
        **wrapped({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "c", "namespace": "n"}}),
        "stringData": values,
    }
    team.write("c.yaml", encrypt_yaml(tree, team.root.recipients, encrypted_regex="^(config)$"))
    team.call("--owner", "team")
    assert team.values() == {"n-c": {"name": "c", "server": "https://c", "config": CANARY}}
