"""The newest snapshot that a job in the cluster has saved, as it says so itself (INV1)."""

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from bootstrap.model.outside import json_value

TIME = "%Y-%m-%dT%H:%M:%SZ"  # as in a manifest
SKEW: Final = timedelta(minutes=5)  # by which clocks of one cluster differ


@dataclass(frozen=True, slots=True, kw_only=True)
class LastSnapshot:
    """``time`` is when saving began, UTC; ``sha256`` of the whole file, in hex; ``kept`` are the files beside it."""

    file: str
    time: str
    size: int
    sha256: str
    raft_index: int
    records: int
    kept: int

    @property
    def moment(self) -> datetime:
        return datetime.strptime(self.time, TIME).replace(tzinfo=UTC)

    def is_ahead(self, now: datetime) -> bool:
        """By the API server's clock: a time that is yet to come tells nothing, and would hide what comes till then."""
        return self.moment > now + SKEW

    def to_text(self) -> str:
        return json.dumps(asdict(self), sort_keys=True)

    @staticmethod
    def from_text(text: str) -> "LastSnapshot | None":
        """None for what no job has written."""
        try:
            found: Any = json_value(text.encode())
            last = LastSnapshot(
                file=str(found["file"]),
                time=str(found["time"]),
                size=int(found["size"]),
                sha256=str(found["sha256"]),
                raft_index=int(found["raft_index"]),
                records=int(found["records"]),
                kept=int(found["kept"]),
            )
            _ = last.moment
        except (ValueError, KeyError, TypeError):
            return None
        return last
