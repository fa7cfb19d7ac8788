"""Files of the real `sops`: every form, every kind of recipient, every rule; and each damaged one refused (INV1)."""

import base64
import json
import random
import re
from collections.abc import Iterator
from decimal import Decimal
from itertools import product

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bootstrap.adapters.sops.reader import open_sops, read_sops
from bootstrap.intent.encryption_forms import Form
from bootstrap.model.errors import BootstrapError
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Opened
from tests.support.real_sops import run
from tests.support.sops_matrix import (
    EXPECTED,
    FIRST,
    PLAIN,
    RECIPIENTS,
    ROOT,
    RULES,
    TREE,
    Real,
    real_programs,
)


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Real]:
    with real_programs(tmp_path_factory.mktemp("sops")) as found:
        yield found


def plain(opened: Opened) -> object:
    if isinstance(opened, Sensitive):
        value = opened.reveal()
        try:
            return value.decode()
        except UnicodeDecodeError:
            return value
    return {name: plain(value) for name, value in opened.items()}


def as_texts(value: object) -> object:
    """A tree as ours: lists by position, each value as the text that SOPS keeps, nulls left out."""
    if isinstance(value, list):
        return {str(n): as_texts(item) for n, item in enumerate(value)}
    if isinstance(value, dict):
        return {k: as_texts(v) for k, v in value.items() if v is not None}
    # Floats as Go writes them: never an exponent.
    return format(Decimal(repr(value)), "f") if isinstance(value, float) else str(value)


def kinds(value: object, path: str = "") -> dict[str, str]:
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        found: dict[str, str] = {}
        for name, item in items:
            found |= kinds(item, f"{path}.{name}".strip("."))
        return found
    return {path: type(value).__name__} if isinstance(value, int | float) else {}


Case = tuple[Form, str, str]


def sampled(cases: list[Case], most: int, *, whole: bool) -> list[Case]:
    return cases if whole else random.Random(3).sample(cases, most)


def test_every_form_recipient_and_rule_opens_equal(real: Real, whole: bool) -> None:
    cases = list(product(Form, RECIPIENTS, RULES))
    chosen = sampled(cases, 45, whole=whole)
    for form, recipients, rule in chosen:
        sealed = real.encrypt(PLAIN[Form(form)], Form(form), recipients, RULES[rule])
        for root in real.roots(recipients):
            found = read_sops(sealed, root, "x", Form(form))
            assert plain(found.tree) == EXPECTED.get(Form(form), as_texts(TREE)), (form, recipients, rule)
            if form in (Form.YAML, Form.JSON) and rule == "none":
                assert dict(found.typed) == kinds(TREE), (form, recipients)
            secret = {p for p, v in kinds(TREE).items() if v} | {"password"}
            if rule == "none":
                assert not (found.plain.keys() - {"empty"}) & secret
    print(f"\n{len(chosen)} of {len(cases)} combinations of form, recipients and rule")


@pytest.mark.parametrize("name", ["encrypted_comment_regex", "unencrypted_comment_regex"])
@pytest.mark.parametrize("form", [Form.YAML, Form.JSON])
def test_a_rule_about_comments_stops_with_a_reason(real: Real, form: Form, name: str) -> None:
    sealed = real.encrypt(PLAIN[form], form, "age", f"{name}: secret")
    with pytest.raises(BootstrapError) as caught:
        open_sops(sealed, ROOT, "x", form)
    assert caught.value.code == "E_SOPS_FORM"
    assert "comments" in caught.value.message


def test_a_group_too_few_is_told(real: Real) -> None:
    sealed = real.encrypt(PLAIN[Form.JSON], Form.JSON, "groups-2-of-3")
    for root in (FIRST, real.pgp):
        with pytest.raises(BootstrapError) as caught:
            open_sops(sealed, root, "x", Form.JSON)
        assert caught.value.code == "E_NO_IDENTITY"
        assert "of 2 key groups, it opens 1" in caught.value.message
        assert real.fingerprint in caught.value.message


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(min_size=1, max_size=600))
def test_any_bytes_in_are_the_same_bytes_out(real: Real, content: bytes) -> None:
    sealed = real.encrypt(content, Form.BINARY, "age")
    assert read_sops(sealed, ROOT, "x", Form.BINARY).tree["data"] == Sensitive(content)
    encoded = real.encrypt(base64.b64encode(content), Form.BINARY, "age")
    found = read_sops(encoded, ROOT, "x", Form.BINARY).tree["data"]
    assert isinstance(found, Sensitive)
    assert found.from_base64() == Sensitive(content)


# ---------------------------------------------------------------- damage

LEAF = re.compile(rb"ENC\[AES256_GCM,data:[^,]*,iv:[^,]*,tag:[^,]*,type:(?!comment)[a-z]+\]")


def mutate(chance: random.Random, sealed: bytes, form: Form) -> tuple[str, bytes]:
    """One change that makes the file say something else, and what it was."""
    kind = chance.choice(["flip", "swap", "remove", "add", "mac", "plaintext", "time"])
    leaves = list(LEAF.finditer(sealed))
    mac = leaves.pop(
        next(n for n, leaf in enumerate(leaves) if re.search(rb"mac\W+$", sealed[: leaf.start()]))
    )
    if kind in ("flip", "mac"):
        leaf = mac if kind == "mac" else chance.choice(leaves)
        part = chance.choice([p for p in (b"data", b"iv", b"tag") if p + b":" in leaf[0]])
        found = re.search(part + rb":([^,]+)", leaf[0])
        assert found is not None
        raw = bytearray(base64.b64decode(found[1]))
        raw[chance.randrange(len(raw))] ^= 1 << chance.randrange(8)
        changed = leaf[0].replace(found[1], base64.b64encode(bytes(raw)))
        return kind, sealed[: leaf.start()] + changed + sealed[leaf.end() :]
    if kind == "swap" and len(leaves) > 1:
        one, two = sorted(chance.sample(leaves, 2), key=lambda leaf: leaf.start())
        return kind, b"".join(
            [sealed[: one.start()], two[0], sealed[one.end() : two.start()], one[0], sealed[two.end() :]]
        )
    if kind == "remove":
        leaf = chance.choice(leaves)
        return kind, sealed[: leaf.start()] + sealed[leaf.end() :]
    if kind == "add":
        leaf = chance.choice(leaves)
        key = {
            Form.YAML: b"addedword: %s\n",
            Form.DOTENV: b"addedword=%s\n",
            Form.INI: b"[added]\naddedword = %s\n",
        }
        if form in key:
            return kind, key[form] % leaf[0] + sealed
        return kind, sealed.replace(b"{", b'{"addedword": "%s",' % leaf[0], 1)
    if kind == "time":
        return kind, re.sub(rb"(lastmodified\W+)20", rb"\g<1>19", sealed, count=1)
    leaf = chance.choice(leaves)
    return "plaintext", sealed[: leaf.start()] + b"hunter2" + sealed[leaf.end() :]


REFUSALS = (
    "E_SOPS_MAC", "E_SOPS_PLAIN", "E_YAML", "E_YAML_DUP", "E_JSON", "E_JSON_DUP", "E_INI", "E_DOTENV",
)  # fmt: skip


def test_each_of_200_damaged_files_is_refused(real: Real, whole: bool) -> None:
    """In every form, for every kind of recipient, under every rule; each of them twice or more."""
    cases = [
        (f, r, rule)
        for f, r, rule in product(Form, RECIPIENTS, RULES)
        if f is not Form.BINARY or rule == "none"
    ]
    most = len(cases) if whole else 50
    chance = random.Random(20)
    made = [
        (f, r, rule, real.encrypt(PLAIN[f], f, r, RULES[rule])) for f, r, rule in chance.sample(cases, most)
    ]
    assert {(f, r) for f, r, *_ in made} == set(product(Form, RECIPIENTS)) or not whole
    seen: dict[str, int] = {}
    number = 0
    while sum(seen.values()) < (2000 if whole else 200):
        form, recipients, rule, sealed = made[number % len(made)]
        number += 1
        kind, changed = mutate(chance, sealed, form)
        if changed == sealed:  # two equal leaves changed places
            continue
        with pytest.raises(BootstrapError) as caught:
            read_sops(changed, real.roots(recipients)[0], "x", form)
        assert caught.value.code in REFUSALS, (kind, form, recipients, rule, caught.value)
        assert "hunter2" not in caught.value.message
        seen[f"{kind}: {caught.value.code}"] = seen.get(f"{kind}: {caught.value.code}", 0) + 1
    print(f"\n{sum(seen.values())} damaged files of {len(made)} of {len(cases)} combinations refused: {seen}")


AS_PEOPLE_WRITE = """\
# above everything
kind: Secret # behind a value
password: >-
  folded
  lines
name: 'single ''quoted'' ü'
x_plain: seen
stringData:
  # inside
  pem: |
    -----BEGIN X-----
    YWJj
    -----END X-----
  trailing: |+
    kept

  keyword: "\\u20ac \\U0001f600 \\t tab"
big: 9223372036854775807
negative: -9223372036854775808
octal: 0o17
hexadecimal: 0xff
exponent: 1e3
yes_word: yes
off_word: 'off'
none: ~
nothing: {}
list:
  # in a list
  - one
  - - two
    - {password: three, empty: ''}
  - []
"""


@pytest.mark.parametrize("rule", RULES)
def test_yaml_as_people_write_it(real: Real, rule: str) -> None:
    """Comments, block scalars, escapes, the largest integers: what we open is what `sops` decrypts."""
    words = ("--input-type", "yaml", "--output-type", "yaml", "/dev/stdin")
    config = real.folder / "people.yaml"
    config.write_text(
        f"creation_rules: [{{age: {FIRST.recipients[0]}{', ' * bool(rule != 'none')}{RULES[rule]}}}]\n"
    )
    given = AS_PEOPLE_WRITE.encode()
    sealed = run(real.sops, "--config", str(config), "encrypt", *words, given=given)
    found = read_sops(sealed, FIRST, "x")
    decrypted = run(
        real.sops, "decrypt", *words[:3], "json", "/dev/stdin", given=sealed,
        SOPS_AGE_KEY=FIRST.export().reveal().decode(),
    )  # fmt: skip
    assert plain(found.tree) == as_texts(json.loads(decrypted))


def without_empty(value: object) -> object:
    """SOPS neither encrypts nor authenticates an empty text, nor its name."""
    if not isinstance(value, dict):
        return value
    return {name: kept for name, item in value.items() if (kept := without_empty(item)) not in ("", {})}


def test_a_byte_anywhere_in_the_file_never_changes_a_value(real: Real, whole: bool) -> None:
    """Any one byte changed: refused, or (in a comment, a blank, the name of an empty value) the same values."""
    chance, counts = random.Random(7), {"refused": 0, "same": 0}
    for form in Form:
        sealed = real.encrypt(PLAIN[form], form, "age")
        expected = without_empty(plain(read_sops(sealed, ROOT, "x", form).tree))
        for _ in range(400 if whole else 60):
            changed = bytearray(sealed)
            changed[chance.randrange(len(changed))] = chance.choice(
                b"Aa0 \n\"':{}[]#\x00\xff" + bytes([chance.randrange(256)])
            )
            try:
                found = without_empty(plain(read_sops(bytes(changed), ROOT, "x", form).tree))
            except BootstrapError as error:
                assert error.hint
                counts["refused"] += 1
            else:
                assert found == expected
                counts["same"] += 1
    print(f"\n{counts}")
    assert counts["refused"] > counts["same"]
