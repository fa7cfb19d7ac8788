"""What the command line's parser would let pass: one option given twice, of which only the last would count."""

from collections.abc import Sequence

from bootstrap.model.errors import DefinitionError

_ONCE = ("--root", "--repo", "--rev", "--kubeconfig", "--context", "--records")


def refuse_repeated(arguments: Sequence[str]) -> None:
    """DefinitionError E_KEY_AMBIGUOUS for two root keys, E_OPTION_TWICE for two of anything else."""
    for option in _ONCE:
        if sum(a == option or a.startswith(f"{option}=") for a in arguments) > 1:
            raise DefinitionError(
                f"{option} is given twice: only one of the two could count",
                code="E_KEY_AMBIGUOUS" if option == "--root" else "E_OPTION_TWICE",
                where=option,
                hint="leave one of them out",
            )
