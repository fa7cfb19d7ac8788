"""Policies as Vault reads them: each answer was recorded from the parser of Vault 1.21.1 (hcl v1.0.1-vault-7)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bootstrap.intent.hcl import read_policy
from bootstrap.model.errors import DefinitionError

OPS = 'factor "ops" {\n identity {\n group_names = ["admin"]\n approvals = 2\n } }'
WRITE = "create delete list read update"
ACCEPTED = {
    # ---- words between the words
    'path "a" { capabilities = ["read"] }': "a: read",
    '# c\npath "a" { # why\n capabilities = ["read"] // so\n}\n/* b\n */': "a: read",
    'path /* c */ "a" {\n capabilities = /* z */ [ # first\n "read", // x\n /* y */ "list",\n ]\n}': "a: list read",
    'path\n"a"\n{\n capabilities =\n ["read"]\n}\n': "a: read",
    'path "a" {\r\n\tcapabilities = ["read"]\r\n}\r\n': "a: read",
    "": "",
    "# nothing": "",
    # ---- commas
    'path "a" { capabilities = ["read",, "list",] }': "a: list read",
    'path "a" { capabilities = ["read"], min_wrapping_ttl = 10, },\npath "b" {}': "a: read; b:",
    # ---- keys
    '"path" "a" { "capabilities" = ["read"] }': "a: read",
    'path a { capabilities = ["read"] }': "a: read",
    'path "a" "b" { capabilities = ["read"] }': "a: read",
    'path = { capabilities = ["read"] }': "path: read",
    'name = "x"\npath "a" { capabilities = [] }': "a:",
    'path "a" { capabilities = ["list"] }\npath "a" { capabilities = ["read"] }': "a: list; a: read",
    # ---- capabilities
    'path "a" { policy = "read" }': "a: list read",
    'path "a" { policy = "write"\n capabilities = ["sudo"] }': f"a: {WRITE.replace('read', 'read sudo')}",
    'path "a" { policy = "sudo" }': f"a: {WRITE.replace('read', 'read sudo')}",
    'path "a" { capabilities = ["read"] policy = "deny" }': "a: deny",
    'path "a" { capabilities = ["read", "deny", "whatever"] }': "a: deny",
    # ---- what else a block holds
    'path "a" { min_wrapping_ttl = "1s" max_wrapping_ttl = 0x10 }': "a:",
    'path "a" { allowed_parameters = { "x" = ["y", 1, true] "*" = [] }\n denied_parameters { "z" = [] } }': "a:",
    f'path "a" {{ control_group = {{ ttl = "4h" {OPS} }} }}': "a:",
    'path "a" { comment = <<EOT\n } ] " \nEOT\n capabilities = ["read"] }': "a: read",
    'path "a" { comment = <<-E\n   E\n}': "a:",
    # ---- texts
    'path "secret/data/{{identity.entity.id}}/+/b*" {}': "secret/data/{{identity.entity.id}}/+/b*:",
    'path "/sys/policy" {}': "sys/policy:",
    'path "a\\"\\u0041\\x42\\103\\U0001F600" {}': 'a"ABC\U0001f600:',
    'path "${"{x}"} $ $$ %{x}" {}': '${"{x}"} $ $$ %{x}:',
    # ---- JSON
    '{"path": {"a": {"capabilities": ["read"]}, "b": {"policy": "write"}}}': f"a: read; b: {WRITE}",
    '\n{"name": "x", "path": [{"a": {}}, {"b": {}}]}': "a:; b:",
    '{"path": {"capabilities": ["read"]}}': "path: read",
    "{}": "",
}
REFUSED = {
    'path "a" { capabilities = ["read" "list"] }': (1, "a comma is missing in a list"),
    'path "a" {\n capabilities = [read]\n}': (2, "found read where a value belongs"),
    'path "a" {\n capabilities = "read"\n}': (2, "capabilities is a list"),
    'path "a" {\n capabilities = [\n"READ"]\n}': (3, "an unknown capability"),
    'path "a" { capabilities = ["root"] }': (1, "an unknown capability"),
    'path "a" { capabilities = ["whatever", "deny"] }': (1, "an unknown capability"),
    'path "a" { capabilities = [1] }': (1, "an unknown capability"),
    'path "a" { capabilities = [<<E\nread\nE\n] }': (1, "an unknown capability"),
    'path "a" { capabilities = ["read"]\n capabilities = ["list"] }': (2, "capabilities is set twice"),
    'path "a" {\n policy = "other" }': (2, "an unknown policy"),
    'path "a" {\n capabilites = ["read"] }': (2, "unknown key 'capabilites'"),
    'path "a" { capabilities : ["read"] }': (1, "this is not HCL"),
    'path "a" { capabilities ["read"] }': (1, "found [ where key = value or a block belongs"),
    'path "a" = { }': (1, "found = where key = value or a block belongs"),
    'path "a" { true = 1 }': (1, "found true where"),
    "path": (1, "found the end where key = value or a block belongs"),
    'path = "a"': (1, "a policy holds blocks"),
    'path = {\n"a" = { } }': (2, "unknown key 'a'"),
    '\nfoo "a" { }': (2, "a policy holds blocks"),
    'path "a/+*" { }': (1, "Vault takes no +* in a path"),
    'path "a" { comment = a.b }': (1, "found a.b where a value belongs"),
    'path "a" { min_wrapping_ttl = 1 + 2 }': (1, "this is not HCL"),
    'path "a" { capabilities = concat(["read"]) }': (1, "this is not HCL"),
    'path "a\nb" { }': (1, "this is not HCL"),
    'path "a\\q" { }': (1, "this is not HCL"),
    'path "\0" { }': (1, "this is not HCL"),
    '\ufeffpath "a" { }': (1, "this is not HCL"),
    'path "a" { }\n/* ': (2, "this is not HCL"),
    'path "a" { comment = <<E\n E': (1, "this is not HCL"),
    'path "a" {\n capabilities = ["read"]\n': (1, "{ is not closed"),
    'path "a" { }\n}': (2, "found } that closes nothing"),
    'path "a" { capabilities = ["read"} ]': (1, "found } that closes nothing"),
    "path:\n  a: read": (1, "this is not HCL"),
    '{"path": {"a":\n {"capabilities": "read"}}}': (2, "capabilities is a list"),
    '{"path": {"a": {"capabilities": ["read"] /* x */}}}': (1, "this is not JSON"),
    '{"path": "a"}': (1, "a policy holds blocks"),
    '{\n"foo": {"a": {}}}': (2, "a policy holds blocks"),
}
# Vault reads these; what it makes of them is not what they look like.
STRICTER = {
    'path "a" { "policy" = "read"\n policy = "write" }': (2, "policy is set twice"),
    'path "a" { capabilities { } }': (1, "capabilities is a list"),
    '{"path": {"a": {"capabilities": [["read"]]}}}': (1, "an unknown capability"),
    '{"path": {"a": {"capabilities": ["read"}}}': (1, "this is not JSON"),
    '{"path": {}} x': (1, "this is not JSON"),
}
HOSTILE = {
    b"path \xff": "bytes that are not UTF-8",
    b"#" * (1024 * 1024 + 1): "larger than 1048576 bytes",
    b'path "a" { comment = ' + b"[" * 100_000: "nested deeper than 32 levels",
    b'{"a":' * 100_000: "nested deeper than 32 levels",
    b'{"a":' + b"1" * 100_000 + b"}": "this is not JSON",
    b'path "' + b"${" * 100_000: "this is not HCL",
}


@pytest.mark.parametrize("text", ACCEPTED)
def test_what_vault_accepts_is_read_as_vault_reads_it(text: str) -> None:
    found = (
        f"{g.path}: {' '.join(sorted(g.capabilities))}".rstrip() for g in read_policy("p", text.encode())
    )
    assert "; ".join(found) == ACCEPTED[text]


@pytest.mark.parametrize("text", [*REFUSED, *STRICTER])
def test_what_vault_refuses_is_refused_with_its_line(text: str) -> None:
    line, message = (REFUSED | STRICTER)[text]
    with pytest.raises(DefinitionError) as caught:
        read_policy("vault/p.hcl", text.encode())
    assert caught.value.code == "E_POLICY"
    assert caught.value.where == f"vault/p.hcl:{line}"
    assert caught.value.message.startswith(message)
    assert caught.value.hint == "`vault policy fmt` shows what Vault makes of it"


@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_what_is_too_large_or_deep_is_refused_too(number: int) -> None:
    data, message = list(HOSTILE.items())[number]
    with pytest.raises(DefinitionError, match=message):
        read_policy("p", data)


def test_each_grant_has_its_line() -> None:
    text = '# c\npath "a" {\n comment = <<E\nx\nE\n}\n/*\n*/ path\n"b" {}\n'
    assert [grant.line for grant in read_policy("p", text.encode())] == [2, 8]
    text = '{"path": {\n"a": {},\n"b": {}}}'
    assert [grant.line for grant in read_policy("p", text.encode())] == [2, 3]


@given(
    st.lists(
        st.sampled_from([*'"\\{}[],=#/\n1.-', "path ", '"a" ', "capabilities", "<<E\n", "E\n", "${", "true"])
    )
)
def test_nothing_but_a_refusal_comes_out(parts: list[str]) -> None:
    try:
        read_policy("p", "".join(parts).encode())
    except DefinitionError as error:
        assert error.code == "E_POLICY"
