"""``docs/reference/exit-codes.md``, from the error classes and the codes that commands return."""

from bootstrap.cli import exits
from bootstrap.cli.signals import STOPPING
from bootstrap.model import errors

TOP = """\
# Exit codes

The same for every command. stdout is data, stderr is narration and errors. An error says what and where, ends its first
line with a stable name such as `[E_RBAC]`, and gives a `hint:` with the next command. Names are in [errors](errors.md),
those of the repository's content in [catalog](catalog.md#errors-and-warnings).

| code | meaning | what to do |
|---|---|---|
"""
DO = {
    0: ("done", "nothing"),
    1: (
        "a remote system refused, or did not answer for too long",
        "look at `bootstrap status`, then the same command again",
    ),
    2: (
        "the command line, the intent repository or a phase file is wrong",
        "correct it; nothing was changed",
    ),
    3: ("changes are pending (`plan --detailed-exitcode`)", "`bootstrap up`"),
    4: (
        "this machine, root key or cluster cannot run it",
        "`bootstrap doctor` names all that it sees to be missing",
    ),
    5: ("only a human can say how to go on", "[answer exit 5](../how-to/answer-exit-5.md)"),
    6: (
        "an invariant, a record or a signature does not hold",
        "stop; find out who changed what before the next `up`"
        " ([Vault went back in time](../how-to/answer-exit-5.md#vault-went-back-in-time))",
    ),
    7: (
        "another run holds the cluster; of `snapshot save`: the folder; of `lab`: the lab",
        "wait for it; a dead run gives way after 15 seconds, and lets go of a folder or a lab at once",
    ),
    8: (
        "all is handed over, a retirement still waits; of `verify`: a proof waits, for a consumer or for a value",
        "make the consumer ready, then `bootstrap up`",
    ),
    9: (
        "`verify`: proofs were left out, each with its reason; none is broken",
        "give it `--root`, or [the right that is named](permissions.md#besides-to-verify)",
    ),
    129: ("interrupted by SIGHUP (its terminal went)", "[resume](../how-to/resume-after-a-crash.md)"),
    130: ("interrupted by SIGINT (Ctrl-C)", "[resume](../how-to/resume-after-a-crash.md)"),
    143: ("interrupted by SIGTERM", "[resume](../how-to/resume-after-a-crash.md)"),
}


def known_codes() -> set[int]:
    """Every code that the program can end with, as the code has it."""
    found = {0} | {128 + number for number in STOPPING}  # done; by exits.code_of
    found |= {value for value in vars(errors).values() if isinstance(value, int)}
    classes = [
        c for c in vars(errors).values() if isinstance(c, type) and issubclass(c, errors.BootstrapError)
    ]
    found |= {c.exit_code for c in classes}
    more = {exits.CHANGES_PENDING, exits.BROKEN, exits.RETIREMENT_WAITS, exits.PROOFS_LEFT_OUT}
    return found | more | {exits.INTERRUPTED}


def exit_codes_page() -> str:
    if known_codes() != set(DO):
        raise AssertionError(f"without a line here: {known_codes() ^ set(DO)}")
    return TOP + "".join(f"| {code} | {means} | {do} |\n" for code, (means, do) in DO.items())
