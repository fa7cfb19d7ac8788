"""``rekey-repo`` on files of the real `sops` in every form: the program opens what comes out, and nobody else (S1)."""

from collections.abc import Iterator
from itertools import product

import pytest

from bootstrap.adapters.age import root as age
from bootstrap.adapters.sops.reader import read_sops
from bootstrap.intent.encryption_forms import Form
from bootstrap.model.errors import BootstrapError
from bootstrap.operations.rekey.file import rekeyed
from bootstrap.operations.rekey.recipients import readers_of
from tests.support.real_sops import run
from tests.support.sealed_manifests import SEVERAL
from tests.support.sops_matrix import PLAIN, ROOT, RULES, Real, real_programs

NEW, OTHER = age.generate(), age.generate()
ENDS = {Form.YAML: "yaml", Form.JSON: "json", Form.DOTENV: "env", Form.INI: "ini", Form.BINARY: "bin"}


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Real]:
    with real_programs(tmp_path_factory.mktemp("rekey")) as found:
        yield found


@pytest.mark.parametrize(("form", "before"), list(product(Form, ("age", "both", "groups-2-of-3"))))
def test_s1_sops_opens_every_form_for_its_new_holders_alone(real: Real, form: Form, before: str) -> None:
    rule = "" if form is Form.BINARY else RULES["unencrypted_suffix"]
    sealed = real.encrypt(PLAIN[form], form, before, rule)
    path = f"encrypted/x.{ENDS[form]}"
    expected = read_sops(sealed, ROOT, path, form)
    to = {"age": (NEW.recipients[0], OTHER.recipients[0]), "pgp": (real.certificate(),)}
    for kind, recipients in to.items():
        made = rekeyed(path, sealed, ROOT, recipients)
        new = NEW if kind == "age" else real.pgp
        found = read_sops(made, new, path, form)
        assert (found.tree, found.typed) == (expected.tree, expected.typed)
        assert real.decrypt(made, form, new) == real.decrypt(sealed, form, ROOT)
        named = set(readers_of(path, made).named)
        assert named == ({*NEW.recipients, *OTHER.recipients} if kind == "age" else {real.fingerprint})
        with pytest.raises(BootstrapError) as caught:
            read_sops(made, ROOT, path, form)
        assert caught.value.code == "E_NO_IDENTITY"
        again = rekeyed(path, made, new, ROOT.recipients)  # and back: nothing is left of those in between
        assert read_sops(again, ROOT, path, form).tree == expected.tree
        assert real.decrypt(again, form, ROOT) == real.decrypt(sealed, form, ROOT)
        assert set(readers_of(path, again).named) == set(ROOT.recipients)


def test_every_document_of_a_file_gets_the_new_holder(real: Real) -> None:
    config = real.folder / "several.yaml"
    config.write_text(f"creation_rules: [{{age: {ROOT.recipients[0]}}}]\n")
    words = (
        "--config",
        str(config),
        "encrypt",
        "--input-type",
        "yaml",
        "--output-type",
        "yaml",
        "/dev/stdin",
    )
    sealed = run(real.sops, *words, given=SEVERAL.encode())
    made = rekeyed("x.yaml", sealed, ROOT, NEW.recipients)
    assert read_sops(made, NEW, "x.yaml").documents == read_sops(sealed, ROOT, "x.yaml").documents
    assert real.decrypt(made, Form.YAML, NEW) == real.decrypt(sealed, Form.YAML, ROOT)
    assert ROOT.recipients[0].encode() not in made


def test_sops_edits_what_was_rekeyed(real: Real) -> None:
    """`sops set` opens, changes and seals again: metadata and all are as the program wants them."""
    for form in (Form.YAML, Form.JSON):
        made = rekeyed(f"x.{form}", real.encrypt(PLAIN[form], form, "groups"), ROOT, NEW.recipients)
        path = real.folder / f"edited.{form}"
        path.write_bytes(made)
        key = NEW.export().reveal().decode()
        run(real.sops, "set", str(path), '["name"]', '"changed"', SOPS_AGE_KEY=key)
        found = read_sops(path.read_bytes(), NEW, "x", form).tree
        assert found["name"] != read_sops(made, NEW, "x", form).tree["name"]
