"""KV v2 at ``secret/`` for the simulated Vault."""

from typing import TYPE_CHECKING, Any

from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Answer

if TYPE_CHECKING:
    from tests.simulator.vault import Call, Secret

DELETED_AT = "2026-01-01T00:00:00Z"
WRITTEN_AT = "2026-01-01T00:00:00.123456789Z"


def config(call: "Call") -> Answer:
    return call.ok() if "secret/" in call.store.mounts else _no_route(call)


def metadata(call: "Call") -> Answer:
    if "secret/" not in call.store.mounts:
        return _no_route(call)
    path, kept = call.path.removeprefix("secret/metadata").lstrip("/"), call.store.secrets
    if call.method == "LIST":
        return _listed(call, path)
    if call.method == "DELETE":
        kept.pop(path, None)
        return call.done()
    if call.reads:
        found = kept.get(path)
        if found is None:
            return call.no(404)
        numbers = {str(n): {"created_time": WRITTEN_AT} for n in range(1, len(found.versions) + 1)}
        about = {"current_version": len(found.versions), "versions": numbers}
        return call.ok({"cas_required": False, **found.metadata, **about})
    _made(call, path).metadata.update(call.body)
    return call.done()


def data(call: "Call") -> Answer:
    if "secret/" not in call.store.mounts:
        return _no_route(call)
    path = call.path.removeprefix("secret/data/")
    found = call.store.secrets.get(path)
    if call.method == "DELETE":
        if found is not None and found.versions:
            found.deleted.add(len(found.versions))
        return call.done()
    return _read(call, found) if call.reads else _write(call, path, found)


def undelete(call: "Call") -> Answer:
    found = call.store.secrets.get(call.path.removeprefix("secret/undelete/"))
    if found is not None:
        found.deleted -= set(call.body["versions"])
    return call.done()


def destroy(call: "Call") -> Answer:
    found = call.store.secrets.get(call.path.removeprefix("secret/destroy/"))
    if found is not None:
        found.destroyed |= set(call.body["versions"])
    return call.done()


def _read(call: "Call", found: "Secret | None") -> Answer:
    if found is None or not found.versions:
        return call.no(404)
    wanted = int(call.query.removeprefix("version=") or len(found.versions))
    if not 1 <= wanted <= len(found.versions):
        return call.no(404)
    gone = wanted in found.deleted | found.destroyed
    about = {
        "version": wanted,
        "custom_metadata": found.metadata.get("custom_metadata"),
        "deletion_time": DELETED_AT if wanted in found.deleted else "",
        "destroyed": wanted in found.destroyed,
    }
    body = {"data": None if gone else found.versions[wanted - 1], "metadata": about}
    return call.no(404, data=body) if gone else call.ok(body)


def _write(call: "Call", path: str, found: "Secret | None") -> Answer:
    if "data" not in call.body:
        return call.no(400, "no data provided")
    options = call.body.get("options") or {}
    current = len(found.versions) if found else 0
    if "cas" not in options and found is not None and found.metadata.get("cas_required"):
        return call.no(400, "check-and-set parameter required for this call")
    if options.get("cas", current) != current:
        return call.no(400, "check-and-set parameter did not match the current version")
    found = _made(call, path)
    found.versions.append({key: stored(value, key) for key, value in call.body["data"].items()})
    return call.ok({"version": len(found.versions)})


def stored(value: Any, label: str) -> Any:
    """Strings come back ``Sensitive``; numbers as what a double makes of them."""
    if isinstance(value, str):
        return Sensitive(value.encode(), label)
    if isinstance(value, dict):
        return {key: stored(item, f"{label} {key}") for key, item in value.items()}
    if isinstance(value, list):
        return [stored(item, label) for item in value]
    if isinstance(value, int) and not isinstance(value, bool):
        return int(float(value))
    return value


def _listed(call: "Call", path: str) -> Answer:
    start = f"{path.removesuffix('/')}/" if path else ""
    rest = [name.removeprefix(start) for name in call.store.secrets if name.startswith(start)]
    keys = sorted({f"{name.partition('/')[0]}/" if "/" in name else name for name in rest})
    return call.ok({"keys": keys}) if keys else call.no(404)


def _made(call: "Call", path: str) -> "Secret":
    from tests.simulator.vault import Secret

    return call.store.secrets.setdefault(path, Secret())


def _no_route(call: "Call") -> Answer:
    return call.no(404, f'no handler for route "{call.path}". route entry not found.')
