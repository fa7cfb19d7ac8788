"""``python -m bootstrap``: the same program as ``bootstrap``."""

from bootstrap.cli.app import main

if __name__ == "__main__":
    main()
