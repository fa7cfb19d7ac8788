"""``docs/reference/verify.md``, from the claims and from the violations that tests plant (``tests/seeds``)."""

from collections import defaultdict

from bootstrap.intent.vault_reach import CONTROL, WITH_SUDO
from bootstrap.operations.verify.invariants import CLAIMS
from bootstrap.operations.verify.kubernetes_built_in import BUILT_IN
from bootstrap.operations.verify.kubernetes_ways import WAYS, Way
from bootstrap.operations.verify.proof import Claim
from bootstrap.operations.verify.spread import COPIERS
from bootstrap.steps.vault.login_kinds import ROOMS
from tests.architecture.words import NARRATION
from tests.seeds.every import SEEDS

TOP = """\
# What `bootstrap verify` proves

Each line of its answer is a proof: what was looked at on the live system, and what was found. It changes
nothing, and believes neither the journal nor a status that it can compare by itself.

| word | exit code | meaning |
|---|---|---|
| `holds` | 0 | it was looked at, and is so |
| `BROKEN` | 6 | it is not so, or looking at it failed. The evidence names what, the hint the next command |
| `left out` | 9 | it could not be looked at: without `--root` or a [right](permissions.md#besides-to-verify), or \
because Vault has a login of a kind that is not looked into |
| `waits` | 8 | for something that is to come: a consumer, a value that is not written yet, or the operator, which \
has ten minutes to bring a new version |

The first of 6, 9, 8 that is met is the exit code; 0 means that every proof was made and holds. With `-o json`
each proof has its `id`, `state`, `evidence` and `hint`, and `ok` is true, false, or null where it waits or was
left out.

Give it `--root`: without it three proofs are left out. `--deep` adds a dry run.

## The proofs

The last column lists violations that tests plant on a finished platform, one at a time; the proof must then be
BROKEN, and no other requirement with it but those that follow from it. `tests/simulated/test_verify_seeds.py`
does so on the simulator, `tests/lab/test_verify_seeds.py` is written for real servers (`make test-all`).

| proof | | claim | reads | cannot see | broken by |
|---|---|---|---|---|---|
"""
END = """
## What is looked into

**Values.** `no-old-value` and `no-copy` each list the objects named above and compare by HMAC under a key that lives
as long as the process. A value is found as a whole field, the name of one, a line, what stands behind `=` or `:`, a
word, and as letters and digits between anything else; in annotations as in data. Base64, hexadecimal, gzip, JSON in
JSON and `%2F` are opened first, four layers deep, so a Helm release is too; in texts longer than 64 KiB not each word
is. Of a private key its longest line is looked for besides. Custom objects that there is no right to list are named.
Not counted, and listed: values of fewer than eight bytes or of two different bytes, certificates and public keys,
addresses without a path, a few common words, and fields with names such as `username`, `host`, `port`, `client_id` and
`ca.crt`. Not counted, and named: a Secret with the value in a namespace that the entry names. A value that two entries
share may lie where either declares it. Annotations of these controllers are named as what copies: {copiers}.

**Vault's policies.** Of the paths of one policy that match a request the most specific counts, and `deny` wins,
as in Vault. Each one who may write, delete or undelete a secret of the catalog, or the ledger's copy, has power over
it; so has each who may write one of these: {control}; with `sudo` {with_sudo} too.
A template in a path stands for anything. Looked for are holders among {rooms}, entities, groups and live tokens.

**Kubernetes' bindings.** Counted are [the ways](#the-ways) below, a Secret by its name where a rule narrows it. A
binding that lies in the commit counts as declared for the subjects that it has there, and for what its role gives
there. An account counts where it lies, if it is the operator's, declared, or one of the control plane's that may do one
of these itself. Built in are {built_in}, each with its own role and subject, and with no more rights
than Kubernetes gives it; a label counts for nothing. Everybody else is declared under
[`operators`](platform.md#who-can-change-a-secret), or breaks the proof.

### The ways

Each leads to a secret of the catalog, or to root in Vault. Each is planted on a finished platform, as a binding of a
user, and must be found (`tests/seeds/ways.py`). `*` in a rule stands for every verb, resource or group.

| verbs | resource | counted | what it gives |
|---|---|---|---|
{ways}
**Versions.** Version 1 is explained by its COMMIT record, a later one by an ACCEPTED record that names it: `bootstrap
set` writes it with the version, `set --adopt` for a version that another wrote
([how](../how-to/change-what-is-declared.md#a-new-value)).
"""


def verify_page() -> str:
    seeds: dict[str, list[str]] = defaultdict(list)
    for seed in SEEDS:
        seeds[seed.claim].append(seed.what)
    end = END.format(
        copiers=", ".join(sorted(COPIERS.values())),
        control=", ".join(dict.fromkeys(CONTROL.values())),
        with_sudo=", ".join(dict.fromkeys(WITH_SUDO.values())),
        rooms=", ".join(f"{', '.join(rooms)} of `{kind}`" for kind, rooms in ROOMS.items()),
        ways="".join(map(_way, WAYS)),
        built_in=", ".join(f"`{name}`" for name in BUILT_IN),
    )
    return TOP + "".join(_row(claim, seeds[claim.id]) for claim in CLAIMS) + end


def _way(way: Way) -> str:
    group = f".{way.group}" if way.group else ""
    resources = ", ".join(f"`{resource}{group}`" for resource in way.resources)
    return f"| {', '.join(way.verbs)} | {resources} | {way.where} | {way.gives} |\n"


def _row(claim: Claim, seeds: list[str]) -> str:
    deep = " (`--deep`)" if claim.deep else ""
    link = f"[{claim.requirement}](requirements.md#{claim.requirement.lower()})"
    title = (
        f"`{claim.title}`" if NARRATION.search(claim.title) else claim.title
    )  # then it is shown as it is printed
    cells = (f"`{claim.id}`{deep}", link, title, claim.reads, claim.unseen, "; ".join(seeds))
    return f"| {' | '.join(cells)} |\n"
