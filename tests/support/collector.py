"""The collector of docs/how-to/ship-the-audit-log.md, with the settings of that page."""

import json
import os
import subprocess
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bootstrap.lab.build import binaries
from tests.docs.pages import DOCS, blocks

PAGE = DOCS / "how-to/ship-the-audit-log.md"


@dataclass(frozen=True)
class Collector:
    """Reads ``audit``; what it keeps and what it has sent lie in ``folder``."""

    audit: Path
    folder: Path

    @contextmanager
    def running(self) -> Iterator[None]:
        """Ended as a service is, when the block ends."""
        (text,) = (block.text for block in blocks(PAGE) if block.language == "text")
        places = {
            "/vault/audit": self.audit,
            "/var/lib/otelcol": self.folder / "places",
            "/var/spool/vault-audit.json": self._sent,
        }
        for place, here in places.items():
            assert place in text
            text = text.replace(place, str(here))
        # Nothing listens: two of them may run on one machine.
        text = text.replace("service:\n", "service:\n  telemetry: {metrics: {level: none}}\n")
        settings = self.folder / "settings.yaml"
        settings.write_text(text)
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen(
                [binaries("otelcol")["otelcol"], "--config", str(settings)],
                env={"PATH": os.defpath},
                stdout=log,
                stderr=log,
            )
        try:
            yield
        finally:
            process.terminate()
            process.wait(60)

    @property
    def _sent(self) -> Path:
        return self.folder / "sent.json"

    def lines(self) -> list[str]:
        """Those that it has sent by now, in their order; a document that is half written does not count."""
        found = []
        text = self._sent.read_text() if self._sent.exists() else ""
        for document in text.splitlines(keepends=True):
            if document.endswith("\n"):
                found += [*_bodies(json.loads(document))]
        return found

    def wait_for(self, lines: Iterable[str], seconds: float = 60) -> list[str]:
        """All that it has sent once these are among it."""
        over, wanted = time.monotonic() + seconds, set(lines)
        while missing := wanted - set(sent := self.lines()):
            assert time.monotonic() < over, (
                f"{len(missing)} of {len(wanted)} lines are missing: {min(missing)[-40:]}"
            )
            time.sleep(0.2)
        return sent


def _bodies(
    document: dict[str, list[dict[str, list[dict[str, list[dict[str, dict[str, str]]]]]]]],
) -> Iterator[str]:
    for resource in document["resourceLogs"]:
        for scope in resource["scopeLogs"]:
            yield from (record["body"]["stringValue"] for record in scope["logRecords"])
