"""The page of a drill's report in a real browser: at two widths nothing is wider than the window."""

import html
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from bootstrap.operations.drill.page import page
from bootstrap.operations.drill.report import Report, signed
from tests.support.drill_reports import differing, report
from tests.support.ledger_facts import Key

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
WIDTHS = (1280, 380)
# A document in a frame of that width says how wide it would be, and how many of its paragraphs can be seen.
FRAME = """\
<!doctype html><title>frame</title>
<iframe id="it" width="{width}" height="9000" style="border:0" srcdoc="{text}"></iframe>
<script>
document.getElementById("it").onload = event => {{
  const shown = event.target.contentDocument;
  const seen = [...shown.querySelectorAll("h2, p, li, td")].filter(e => e.getBoundingClientRect().height > 0);
  document.body.append(`width=${{shown.documentElement.scrollWidth}} seen=${{seen.length}}`);
}};
</script>
"""

pytestmark = pytest.mark.skipif(BROWSER is None, reason="no browser is here: chromium, google-chrome")


def measured(text: str, width: int, folder: Path) -> tuple[int, int]:
    """The width that it would have, and the number of elements that show."""
    file = folder / "frame.html"
    file.write_text(FRAME.format(width=width, text=html.escape(text)))
    assert BROWSER is not None
    flags = ("--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder / 'profile'}")
    command = [
        BROWSER,
        *flags,
        "--window-size=1400,1000",
        "--virtual-time-budget=3000",
        "--dump-dom",
        file.as_uri(),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    found = re.search(r"width=(\d+) seen=(\d+)", done.stdout.rpartition("</script>")[2])
    assert found, done.stderr[-2000:]
    return int(found[1]), int(found[2])


def long() -> Report:
    """With texts that do not break by themselves."""
    proof = report().content["proofs"][0]
    proofs = [{**proof, "state": "BROKEN", "ok": False, "evidence": "x" * 300}]
    return report(platform="p" * 100, who="system:serviceaccount:" + "w" * 100, proofs=proofs)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("of", [report, differing, long], ids=lambda of: of.__name__)
def test_nothing_is_wider_than_the_window(of: object, width: int, tmp_path: Path) -> None:
    assert callable(of)
    shown = of()
    wide, seen = measured(page(shown, signed(shown, Key()), Key().key_id), width, tmp_path)
    assert wide == width
    assert seen > 20


def test_one_that_is_wider_is_found(tmp_path: Path) -> None:
    assert measured("<!doctype html><p style='width: 2000px'>wide", 380, tmp_path) == (2008, 1)
