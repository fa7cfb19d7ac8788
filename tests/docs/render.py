"""Pages that say what the code says. ``python -m tests.docs.render`` rewrites them; a test compares."""

from collections.abc import Callable, Mapping
from pathlib import Path

from tests.docs.render_commands import commands_page
from tests.docs.render_exits import exit_codes_page
from tests.docs.render_metrics import metrics_page
from tests.docs.render_permissions import permissions_page
from tests.docs.render_phases import phases_page
from tests.docs.render_requirements import requirements_page
from tests.docs.render_verify import verify_page

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
PAGES: Mapping[str, Callable[[], str]] = {
    "commands.md": commands_page,
    "exit-codes.md": exit_codes_page,
    "metrics.md": metrics_page,
    "permissions.md": permissions_page,
    "phases.md": phases_page,
    "requirements.md": requirements_page,
    "verify.md": verify_page,
}


def main() -> None:
    for name, page in PAGES.items():
        text = page()
        path = REFERENCE / name
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
            print(f"rewrote {path}")


if __name__ == "__main__":
    main()
