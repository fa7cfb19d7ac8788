"""A commit held in memory, and an entry that reads one file of it."""

from bootstrap.model.catalog import Encoding, Secret, SecretClass, Source


class Tree:
    """A commit of the files of a folder."""

    commit, tree, location = "0" * 40, "1" * 40, "memory"

    def __init__(self, files: dict[str, bytes]) -> None:
        self._files = files

    def paths(self) -> list[str]:
        return sorted(self._files)

    def read(self, path: str) -> bytes:
        return self._files[path]

    def blob(self, path: str) -> str:
        return "2" * 40

    def unused_changes(self) -> list[str]:
        return []


def secret(file: str, key: str | None = None, encoding: Encoding = Encoding.UTF8) -> Secret:
    source = Source(file=file, key=key, field="value", encoding=encoding)
    return Secret(
        name="s", secret_class=SecretClass.RUNTIME, owner="o", purpose="p", source=source, where="x:1"
    )
