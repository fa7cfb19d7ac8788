"""The real command, asking over a pipe before and after each file that it writes below records/.

usage: python -I child.py ASK ANSWER COMMAND...     (two file descriptors)
"""

import os
import sys
from pathlib import Path


def main() -> None:
    ask, answer = int(sys.argv[1]), int(sys.argv[2])
    sys.argv = ["bootstrap", *sys.argv[3:]]
    from bootstrap.adapters import records
    from bootstrap.cli import app

    write = records._replace

    def may_i(effect: str) -> None:
        os.write(ask, f"{effect}\n".encode())
        os.read(answer, 1)

    def asking(path: Path, content: bytes) -> None:
        may_i(f"before {path.name}")
        write(path, content)
        may_i(f"after {path.name}")

    records._replace = asking
    app.main()


if __name__ == "__main__":
    main()
