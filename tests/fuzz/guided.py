"""One parser by coverage: inputs that reach new code are kept and changed again (libFuzzer, by ``atheris``).

    python -m tests.fuzz.guided PARSER SECONDS FOLDER

What was found lies in FOLDER, one file each; the exit code is then not 0. ``atheris`` is not among the locked
dependencies: it has wheels for few machines.
"""

import sys
from pathlib import Path

MEGABYTES = 2048
SLOWEST = 30  # seconds of one input


def main() -> None:
    name, seconds, folder = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
    import atheris

    with atheris.instrument_imports(include=["bootstrap", "tests.fuzz.git_bytes"]):
        from tests.fuzz.inputs import HOSTILE
        from tests.fuzz.parsers import PARSERS
    parser = PARSERS[name]
    corpus = folder / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for number, good in enumerate((parser.good, *HOSTILE)):
        (corpus / f"seed-{number}").write_bytes(good)
    words = [sys.argv[0], f"-max_total_time={seconds}", f"-rss_limit_mb={MEGABYTES}", f"-timeout={SLOWEST}"]
    words += ["-max_len=16384", f"-artifact_prefix={folder}/", "-print_final_stats=1", str(corpus)]
    atheris.Setup(words, parser.attempt)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
