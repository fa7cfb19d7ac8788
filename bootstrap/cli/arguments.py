"""What the command line's parser would let pass: two root keys, of which only the last would count.

Of every other option the last one counts, as people expect of a command whose options a script puts together.
"""

from collections.abc import Sequence

from bootstrap.model.errors import DefinitionError


def refuse_repeated(arguments: Sequence[str]) -> None:
    """DefinitionError E_KEY_AMBIGUOUS for two root keys: it is not known which of them was meant."""
    if sum(a == "--root" or a.startswith("--root=") for a in arguments) > 1:
        raise DefinitionError(
            "--root is given twice: only one of the two could count",
            code="E_KEY_AMBIGUOUS",
            where="--root",
            hint="leave one of them out",
        )
