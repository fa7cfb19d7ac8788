"""``docs/reference/commands.md``, from the command tree itself: what `--help` says, on one page."""

from collections.abc import Iterator
from typing import Any

from typer.main import get_command

from bootstrap.cli.app import app
from bootstrap.cli.options import PANEL

TOP = """\
# Commands

Options that take the same meaning everywhere stand at the end. Exit codes are in [exit codes](exit-codes.md).
No setting is read from elsewhere, neither from an environment variable nor from a file in a home folder
([what is listened to](../explanation/trust.md#the-environment)). `bootstrap --version` prints the version.
"""
COMMON = "\n## Common options\n\nA command's section names those that it takes.\n\n"
HEADER = "| option | default | meaning |\n|---|---|---|\n"


def commands_page() -> str:
    common: dict[str, Any] = {}
    sections = "".join(_section(words, command, common) for words, command in walk(get_command(app), ()))
    return TOP + sections + COMMON + HEADER + "".join(_row(option) for option in common.values())


def walk(command: Any, words: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command that is shown, with the words that call it."""
    children = getattr(command, "commands", None)
    if children is None:
        yield words, command
        return
    if command.invoke_without_command:
        yield words, command
    for name, child in children.items():
        if not child.hidden:
            yield from walk(child, (*words, name))


def _section(words: tuple[str, ...], command: Any, common: dict[str, Any]) -> str:
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    options = [p for p in command.params if p.param_type_name == "option" and "--help" not in p.opts]
    own = [p for p in options if p.rich_help_panel != PANEL]
    shared = [p for p in options if p.rich_help_panel == PANEL]
    common |= {p.opts[-1]: p for p in shared}
    call = " ".join(("bootstrap", *words, *(p.metavar or p.name.upper() for p in arguments)))
    text = f"\n## `{call}`\n\n{' '.join((command.help or '').split())}\n"
    if arguments or own:
        text += "\n" + HEADER + "".join(_row(p) for p in (*arguments, *own))
    if shared:
        text += "\nCommon: " + ", ".join(f"`{p.opts[-1]}`" for p in shared) + ".\n"
    return text


def _row(param: Any) -> str:
    argument = param.param_type_name == "argument"
    names = [_in_a_cell(param.metavar or param.name)] if argument else _spelt(param)
    default = "required" if param.required else _default(param)
    repeat = " May be given several times." if getattr(param, "multiple", False) else ""
    return f"| {', '.join(names)} | {default} | {param.help or ''}{repeat} |\n"


def _spelt(param: Any) -> list[str]:
    value = f" {param.metavar}" if param.metavar and not param.is_flag else ""
    return [_in_a_cell(f"{name}{value}") for name in param.opts]


def _in_a_cell(text: str) -> str:
    return f"`{text}`".replace("|", "\\|")


def _default(param: Any) -> str:
    value = param.default
    if getattr(param, "is_flag", False) or value in (None, "", ()):
        return "-"
    return f"`{getattr(value, 'value', value)}`"
