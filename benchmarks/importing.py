"""How long an import of 400 SOPS files takes, against opening them and against a loop round the real program.

    python -m benchmarks.importing [--rounds 5] [--out benchmarks/results/importing.json]

The tree is what a team has: a Flux Kustomization for each of 40 applications, ten encrypted Secrets in each, a few
values in a Secret. Once it is sealed to the root of the repository, so that each file is opened, judged and kept; and
once to an older key, so that each is sealed anew. All of an import is measured but writing the files.
"""

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

from benchmarks.decrypt import Comparison, interleaved, start
from benchmarks.machine import give, machine
from bootstrap.adapters.age import root as age
from bootstrap.adapters.age.root import AgeRoot
from bootstrap.adapters.git.tree import files_of
from bootstrap.adapters.root.holders import Holders
from bootstrap.adapters.sops.reader import read_sops
from bootstrap.adapters.sops.writer import encrypt_yaml
from bootstrap.lab.build import binaries
from bootstrap.model.sensitive import Sensitive
from bootstrap.operations.importing.candidates import Findings, Options
from bootstrap.operations.importing.opened import Keys
from bootstrap.operations.importing.tree import from_files
from bootstrap.operations.importing.writer import content_of_entry
from bootstrap.operations.rekey.recipients import expected_of

APPLICATIONS, EACH = 40, 10
FILES = APPLICATIONS * EACH
PROGRAM_RUNS = 20  # of the real program in a round: they cost the same each time
REGEX = "^(data|stringData)$"
KUSTOMIZE = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n"


def tree(folder: Path, recipients: tuple[str, ...]) -> list[Path]:
    made = []
    for number in range(APPLICATIONS):
        name, here = f"app-{number:02}", folder / f"apps/app-{number:02}"
        here.mkdir(parents=True)
        head = {"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization"}
        spec = {"path": f"./apps/{name}", "targetNamespace": name}
        (folder / f"{name}.yaml").write_text(
            yaml.safe_dump({**head, "metadata": {"name": name}, "spec": spec})
        )
        names = [f"s{secret}.sops.yaml" for secret in range(EACH)]
        (here / "kustomization.yaml").write_text(f"{KUSTOMIZE}resources: [{', '.join(names)}]\n")
        for secret, file in enumerate(names):
            (here / file).write_bytes(sealed(f"s{secret}", recipients))
            made.append(here / file)
    return made


def sealed(name: str, recipients: tuple[str, ...]) -> bytes:
    values: dict[str, Any] = {f"KEY_{n}": Sensitive(b"value %d of a secret" % n) for n in range(4)}
    head: dict[str, Any] = {"apiVersion": Sensitive(b"v1"), "kind": Sensitive(b"Secret")}
    document = {**head, "metadata": {"name": Sensitive(name.encode())}, "stringData": values}
    return encrypt_yaml(document, recipients, encrypted_regex=REGEX)


def compared(rounds: int, folder: Path) -> list[Comparison]:
    old, new = age.generate(), age.generate()
    holders = Holders(recipients=new.recipients)
    paths = tree(folder, old.recipients)
    program = binaries("sops")["sops"]
    key = {"SOPS_AGE_KEY": old.export().reveal().decode(), "SOPS_DISABLE_VERSION_CHECK": "1"}

    def kept() -> None:
        imported(old.recipients)

    def anew() -> None:
        imported(new.recipients)

    def imported(recipients: tuple[str, ...]) -> None:
        findings = Findings()
        from_files(files_of(folder), Keys(expected_of(recipients), lambda: [old]), findings, Options())
        assert len(findings.found) == FILES
        for entry in findings.found:
            content_of_entry(entry, holders)

    def opening() -> None:
        for path in paths:
            read_sops(path.read_bytes(), old, path.name)

    def opening_and_sealing() -> None:
        for path in paths:
            (document,) = read_sops(path.read_bytes(), old, path.name).documents
            encrypt_yaml(document, new.recipients, encrypted_regex=REGEX)

    def loop() -> None:
        for path in paths[:PROGRAM_RUNS]:
            start([program, "-d", path], key)

    assert isinstance(old, AgeRoot)
    works = (kept, anew, opening, opening_and_sealing)
    measured = interleaved(rounds, *((work, FILES) for work in works), (loop, PROGRAM_RUNS))
    stays, sealed_anew, opened, both, real = measured
    return [
        Comparison(
            name="400 SOPS files that stay as they are: opening them", most=1.5, ours=stays, other=opened
        ),
        Comparison(name="400 sealed anew: opening and sealing them", most=1.5, ours=sealed_anew, other=both),
        Comparison(name="400 sealed anew: sops -d loop", most=0.05, ours=sealed_anew, other=real),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    before = {**machine("pyrage", "cryptography", "pyyaml"), "sops": "3.13.3"}
    with tempfile.TemporaryDirectory() as name:
        found = [each.report() for each in compared(given.rounds, Path(name))]
    give({"machine": before, "rounds": given.rounds, "comparisons": found}, given.out)
    return 0 if all(each["cpu"]["ratio"] <= each["target"] for each in found) else 1


if __name__ == "__main__":
    sys.exit(main())
