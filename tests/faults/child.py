"""The real command, asking over a pipe before and after each file that it writes below records/.

usage: python -I child.py ASK ANSWER SECONDS COMMAND...     (two file descriptors; how far its clock is off)
"""

import os
import sys
from collections.abc import Mapping
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Self


def main() -> None:
    ask, answer, off = (int(text) for text in sys.argv[1:4])
    sys.argv = ["bootstrap", *sys.argv[4:]]
    from bootstrap.adapters.local import clock
    from bootstrap.adapters.local.whole_files import WholeFile, write_whole
    from bootstrap.adapters.records import folder as records
    from bootstrap.adapters.root import derived_keys as keys
    from bootstrap.cli import app

    class Off(datetime):
        """This machine's clock, where it is written down: in records, journal, Lease and certificates."""

        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Self:
            moved = datetime.now(tz) + timedelta(seconds=off)
            return cls.combine(moved.date(), moved.timetz())

    if off:
        for module in (clock, keys):
            vars(module)["datetime"] = Off

    def may_i(effect: str) -> None:
        os.write(ask, f"{effect}\n".encode())
        os.read(answer, 1)

    def asking(files: Mapping[Path, WholeFile]) -> None:
        for path, file in files.items():
            may_i(f"before {path.name}")
            write_whole({path: file})
            may_i(f"after {path.name}")

    vars(records)["write_whole"] = asking
    app.main()


if __name__ == "__main__":
    main()
