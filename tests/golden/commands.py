"""The commands whose behaviour is recorded. One case is one file below ``recorded/commands/``."""

from collections.abc import Iterator

from tests.golden.cases import Case, case
from tests.golden.faults import FAULTS

ROOT = "--root file:good.root.key"
OPENED = ("changed-value", "key-pair", "missing-keys", "stranger", "typed", "forms")  # with the root key, too
PLANNED = ("broken-yaml", "manifests", "no-platform", "plaintext", "unknown-field", "hcl", "missing-keys")
HELP = (
    "",
    *(
        "init",
        "keygen",
        "schema",
        "import",
        "rekey-repo",
        "ca",
        "ca new",
        "ca drop",
        "check",
        "doctor",
        "plan",
        "up",
        "status",
        "verify",
    ),
    *("set", "unseal", "abandon", "prove-escrow"),
    *("ledger", "ledger verify", "ledger show", "ledger export", "drill", "drill verify"),
    *("lab", "lab up", "lab down", "lab status", "lab kubeconfig"),
)
LIVE = ("plan", "up", "status", "verify", "unseal", "abandon", "doctor", "ledger show")


def cases() -> Iterator[Case]:
    yield from helps()
    yield from usage()
    yield from checks()
    yield from faults()
    yield from plans()
    yield from schemas()
    yield from made()
    yield from imports()
    yield from rekeys()
    yield from authorities()
    yield from live()


def helps() -> Iterator[Case]:
    for command in HELP:
        yield case(f"help-{command.replace(' ', '-') or 'all'}", f"{command} --help")
    yield case("help-short", "check -h")
    yield case("help-nothing-given", "")
    yield case("help-ledger-nothing-given", "ledger")
    yield case("version", "--version")


def usage() -> Iterator[Case]:
    yield case("usage-unknown-command", "chekc")
    yield case("usage-unknown-ledger-command", "ledger veryfi")
    yield case("usage-unknown-option", "check --repoo good")
    yield case("usage-no-value", "check --repo")
    yield case("usage-surplus-argument", "check good")
    yield case("usage-output-form", "check --repo good -o yaml")
    yield case("usage-plan-output-form", "plan --repo good -o sarif")
    yield case("usage-output-case", "plan --repo good -o JSON")
    yield case("usage-repeated-option", "check --repo good --repo pgp")
    yield case("usage-repeated-root", f"check --repo good {ROOT} --root file:pgp.root.key")
    yield case("usage-flag-with-value", "check --repo good --history=yes")
    yield case("usage-option-of-another-command", "check --repo good --kubeconfig x")


def checks() -> Iterator[Case]:
    for form in ("text", "json", "sarif", "junit"):
        yield case(f"check-good-{form}", f"check --repo good -o {form}")
        yield case(f"check-good-opened-{form}", f"check --repo good {ROOT} -o {form}")
    yield case("check-pgp", "check --repo pgp -o json")
    yield case("check-pgp-opened", "check --repo pgp --root file:pgp.root.key -o json")
    yield case("check-wrong-root", "check --repo good --root file:pgp.root.key -o json")
    yield case("check-history", "check --repo history --history")
    yield case("check-history-not-asked", "check --repo history")
    yield case("check-history-json", "check --repo history --history -o json")
    yield case("check-earlier-commit", "check --repo history --rev HEAD~1")
    yield case("check-dirty", "check --repo dirty")
    yield case("check-dirty-sarif", "check --repo dirty -o sarif")
    yield case("check-no-repository", "check --repo nowhere")
    yield case("check-no-commit", "check --repo empty")
    yield case("check-a-file", "check --repo good.root.key")
    yield case("check-no-revision", "check --repo good --rev v9")
    yield case("check-unsigned", "check --repo good --trusted-signers signers.txt")
    yield case("check-signed", "check --repo signed --trusted-signers signers.txt")
    yield case("check-signed-by-another", "check --repo signed --trusted-signers other-signers.txt")
    yield case("check-signed-nobody-named", "check --repo signed")
    yield case("plan-unsigned", "plan --repo good --trusted-signers signers.txt")
    yield case("plan-signed", "plan --repo signed --trusted-signers signers.txt")
    yield case("check-signers-absent", "check --repo good --trusted-signers nowhere")
    yield case("check-signers-garbage", "check --repo good --trusted-signers no-plan.json")
    yield case("check-remote-scheme", "check --repo ftp://localhost/x")
    yield case("check-remote-no-known-hosts", "check --repo ssh://git@127.0.0.1:1/x --non-interactive")
    yield case("check-remote-away", "check --repo https://127.0.0.1:1/x")
    yield case("check-remote-git-key-absent", "check --repo ssh://git@127.0.0.1:1/x --git-key nowhere")
    yield case("check-bundle-absent", "check --repo good --bundle nowhere.json")
    yield case("check-bundle-garbage", "check --repo good --bundle no-plan.json")
    for name, root in ROOTS.items():
        yield case(f"check-root-{name}", f"check --repo good --root {root} --non-interactive")


ROOTS = {
    "absent": "file:nowhere",
    "bare-path": "good.root.key",
    "open-to-all": "file:open.root.key",
    "garbage": "file:no-plan.json",
    "broken": "file:other.root.key",
    "public-half": "file:public.root.key",
    "folder": "file:good",
    "descriptor": "fd:none",
    "command": "'cmd:cat good.root.key'",
    "command-fails": "cmd:false",
}


def faults() -> Iterator[Case]:
    for name in FAULTS:
        yield case(f"fault-{name}", f"check --repo faults --rev {name}")
        yield case(f"fault-{name}-json", f"check --repo faults --rev {name} -o json")
    for name in OPENED:
        yield case(f"fault-{name}-opened", f"check --repo faults --rev {name} {ROOT} -o json")
    yield case("fault-names-sarif", "check --repo faults --rev names -o sarif")
    yield case("fault-classes-junit", "check --repo faults --rev classes -o junit")
    for name in PLANNED:
        yield case(f"plan-fault-{name}", f"plan --repo faults --rev {name}")


def plans() -> Iterator[Case]:
    yield case("plan-text", "plan --repo good")
    yield case("plan-json", "plan --repo good -o json")
    yield case("plan-pgp-json", "plan --repo pgp -o json")
    yield case("plan-dirty", "plan --repo dirty")
    yield case("plan-revision", "plan --repo history --rev main~2")
    yield case("plan-detailed-exitcode-offline", "plan --repo good --detailed-exitcode")
    yield case("plan-no-repository", "plan --repo nowhere")


def schemas() -> Iterator[Case]:
    for kind in ("Platform", "Secret", "InternalSecret", "InternalConfig", "plan"):
        yield case(f"schema-{kind}", f"schema {kind}")
    yield case("schema-unknown", "schema Sekret")
    yield case("schema-none", "schema")


def made() -> Iterator[Case]:
    """`keygen` and `init`: what they refuse; what they make is random."""
    yield case("keygen-no-out", "keygen")
    yield case("keygen-no-passphrase-asked", "keygen --out new --non-interactive", writes=("new",))
    yield case("keygen-descriptor", "keygen --out new --passphrase file:x")
    yield case("keygen-both", "keygen --out new --passphrase fd:none --no-passphrase")
    yield case("keygen-recipient", "keygen --out new --no-passphrase --recipient age1invented")
    yield case("keygen-recipient-private", "keygen --out new --no-passphrase --recipient good.root.key")
    yield case("keygen-to-garbage", "keygen --out new --to no-plan.json")
    yield case("keygen-to-and-private", "keygen --out new --to good.root.key")
    yield case("keygen-out-used", "keygen --out good --no-passphrase")
    yield case("keygen-out-a-file", "keygen --out no-plan.json --no-passphrase")
    yield case("init-no-folder", "init")
    yield case("init-folder-used", "init good --keys good --manifests crds")
    yield case("init-no-manifests", "init new --no-passphrase --non-interactive", writes=SCAFFOLD)
    yield case("init-manifests-absent", "init new --no-passphrase --manifests nowhere")
    yield case("init-manifests-without-definitions", "init new --no-passphrase --manifests empty")
    yield case("init-keys-absent", "init new --keys nowhere --manifests crds")
    yield case("init-keys-without", "init new --keys empty --manifests crds")
    yield case(
        "init-name", "init new --no-passphrase --manifests crds --name Not_A_Name", writes=SCAFFOLD[:1]
    )


SCAFFOLD = (  # what `init` writes and is no ciphertext, and names no key
    *("new/bootstrap.yaml", "new/README.md", "new/.gitignore"),
    *(f"new/secrets/{name}.yaml" for name in ("database", "gitops", "identity", "monitoring", "orders")),
    "new/secrets/root-material.yaml",
    *(f"new/manifests/external-secrets/{name}.yaml" for name in ("00-namespace", "10-rbac", "deployment")),
    *(f"new/manifests/workloads/{name}.yaml" for name in ("00-namespaces", "database", "orders")),
)


def imports() -> Iterator[Case]:
    entries = ("good/secrets/imported.yaml",)
    yield case("import-tree", f"import trees/fleet --repo good {ROOT}", writes=entries)
    yield case("import-tree-without-root", "import trees/fleet --repo good", writes=entries)
    yield case("import-secrets", "import trees/secrets.yaml --repo good", writes=entries)
    yield case(
        "import-named", "import trees/paths.txt --repo good --name old", writes=("good/secrets/old.yaml",)
    )
    yield case("import-startup-secrets", "import trees/vault.yaml --repo good", writes=entries)
    yield case("import-stdin", "import - --repo good", "applications/shop/new: token\n", writes=entries)
    yield case("import-stdin-empty", "import - --repo good")
    yield case("import-twice", "import trees/paths.txt --repo good --name orders")
    yield case("import-nonsense", "import trees/nonsense.txt --repo good")
    yield case("import-broken", "import trees/broken.yaml --repo good")
    yield case("import-nothing", "import trees/nothing.yaml --repo good")
    yield case("import-bare-tree", "import trees/bare --repo good")
    yield case("import-absent", "import trees/nowhere --repo good")
    yield case("import-name", "import trees/paths.txt --repo good --name ../x", writes=("good/x.yaml",))
    yield case("import-no-repository", "import trees/paths.txt --repo nowhere")
    yield case("import-remote", "import trees/paths.txt --repo https://localhost/x")


def rekeys() -> Iterator[Case]:
    yield case("rekey-no-root", "rekey-repo --repo good")
    yield case("rekey-nothing-to-do", f"rekey-repo --repo good {ROOT}")
    yield case("rekey-dry", f"rekey-repo --repo good {ROOT} --to {HOLDER} --dry-run")
    yield case("rekey-wrong-root", "rekey-repo --repo good --root file:pgp.root.key")
    yield case("rekey-to-garbage", f"rekey-repo --repo good {ROOT} --to age1invented")
    yield case("rekey-dirty", f"rekey-repo --repo dirty {ROOT} --to {HOLDER}")
    yield case("rekey-remote", f"rekey-repo --repo https://localhost/x {ROOT}")


def authorities() -> Iterator[Case]:
    yield case("ca-drop-one", "ca drop --repo pgp")
    yield case("ca-new-dirty", "ca new --repo dirty")
    yield case("ca-new-remote", "ca new --repo https://localhost/x")


HOLDER = "age1fj5qa7wugh8lg8xumr9t8syhjah0zh7h8svvs5h2n24xpqwtfqcsjsgn3v"


def live() -> Iterator[Case]:
    """Commands on a cluster, where there is none."""
    for command in LIVE:
        name = command.replace(" ", "-")
        if command not in ("plan", "doctor"):
            yield case(f"live-{name}-no-kubeconfig", f"{command} --repo good")
        yield case(f"live-{name}-away", f"{command} --repo good --kubeconfig nowhere.kubeconfig")
        yield case(f"live-{name}-no-repository", f"{command} --repo nowhere --kubeconfig nowhere.kubeconfig")
    yield case("live-doctor", "doctor")
    yield case("live-doctor-json", "doctor -o json")
    for file in ("nowhere", "broken", "empty"):
        yield case(
            f"live-kubeconfig-{file}", f"status --repo good --kubeconfig {file}.kubeconfig --context other"
        )
    yield case("live-kubeconfig-absent", "status --repo good --kubeconfig absent")
    yield case("live-up-fault", "up --repo faults --rev classes --kubeconfig nowhere.kubeconfig")
    yield case("live-up-approval", "up --repo good --kubeconfig nowhere.kubeconfig --approve nothing")
    yield case("live-up-no-plan", "up --repo good --kubeconfig nowhere.kubeconfig --plan absent.json")
    yield case("live-up-plan-garbage", "up --repo good --kubeconfig nowhere.kubeconfig --plan no-plan.json")
    yield case(
        "live-plan-detailed-exitcode", "plan --repo good --detailed-exitcode --kubeconfig nowhere.kubeconfig"
    )
    yield case("live-export-no-out", "ledger export --repo good")
    yield case("live-export-no-kubeconfig", "ledger export --repo good --out bundle.json")
    yield case("live-prove-escrow-no-cluster", "prove-escrow --repo good")
    yield case(
        "live-prove-escrow-away",
        f"prove-escrow --repo good {ROOT} --cluster x --kubeconfig nowhere.kubeconfig",
    )
    yield case("live-lab-provider", "lab up --provider cloud")
    yield case("live-lab-name", "lab status --name Not_A_Name")
