"""``records/`` as a commit holds it: for commands that only read, where no folder was named."""

from bootstrap.model.errors import DefinitionError
from bootstrap.model.layout import RECORDS
from bootstrap.ports import IntentRepository


class CommitRecords:
    """``records/CLUSTER/NAME`` of one commit."""

    def __init__(self, repository: IntentRepository) -> None:
        self._repository = repository

    @property
    def folder(self) -> str:
        return f"records of {self._repository.location}@{self._repository.commit[:12]}"

    def read(self, cluster: str, name: str) -> bytes | None:
        path = f"{RECORDS}{cluster}/{name}"
        return self._repository.read(path) if path in self._repository.paths() else None

    def write(self, cluster: str, name: str, content: bytes) -> None:
        """Only where it would say what is there; else DefinitionError E_RECORDS."""
        if self.read(cluster, name) != content:
            raise no_folder(self._repository.location)

    def clusters(self) -> tuple[str, ...]:
        found = (path.split("/") for path in self._repository.paths() if path.startswith(RECORDS))
        return tuple(sorted({parts[1] for parts in found if len(parts) > 2}))


def no_folder(location: str) -> DefinitionError:
    return DefinitionError(
        "a repository without a work tree has no folder for the records",
        code="E_RECORDS",
        where=location,
        hint="add --records DIR; what is written there belongs into the repository",
    )
