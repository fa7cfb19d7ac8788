"""Values lie where they are declared to, and nowhere else (INV3, INV7, INV8)."""

from collections import Counter
from collections.abc import Iterator

from bootstrap.adapters.local.fingerprints import Fingerprints, is_weak, secret_looking
from bootstrap.operations.verify.everything import KINDS
from bootstrap.operations.verify.kv_paths import below
from bootstrap.operations.verify.proof import State, Verdict, claim, judged, names
from bootstrap.operations.verify.spread import OPEN_FIELD, Copy, Spread
from bootstrap.steps.context.world import World
from bootstrap.steps.secrets.versions import held

CONFIG = "platform-config"
INSIDE = (
    "values inside what is encrypted or divided, or compressed otherwise than by gzip; events, and objects of other "
    "kinds than those; images; other mounts of Vault"
)
LOOKED = "Secrets, ConfigMaps, pods and what makes them, custom objects"
READS = (
    f"every {', '.join(kind for _, kind in KINDS)} "
    "and custom object of every namespace, in every field, and every other path below `secret/` in Vault, compared "
    "under a key of the moment with "
)
SECRET_FIELDS = frozenset({"password", "token"})
SHOWN = 5  # names of a long list


@claim(
    "no-old-value",
    "INV3",
    "no value that was changed since its handover lies in the cluster",
    reads=READS + "Git's value (`--root`) and the older versions that Vault keeps of each secret",
    unseen=INSIDE + "; without `--root`, Git's value of what was made anew at handover",
)
def no_old_value(world: World) -> Verdict:
    spread = _spread(world)
    old = [c for c in spread.copies if c.value.handed_over and c.value.old and not c.value.weak]
    seen = _looked(spread)
    if old:
        hint = "let it read the materialized Secret, and delete this one"
        return judged(False, seen + names(map(str, old)), hint)
    if world.files is None:
        why = f"{seen} looked at for older versions; Git's values need the root key (--root)"
        return Verdict(State.LEFT_OUT, why, "add --root file:PATH")
    return judged(True, seen)


@claim(
    "no-copy",
    "INV7",
    "no value of the catalog lies elsewhere than in Secrets of its namespaces, but by declaration",
    reads=READS + "the current and the older versions of each entry; annotations of controllers that copy",
    unseen=INSIDE
    + "; values that are short, common or public, and fields such as `username` and `host`, are listed and not counted",
)
def no_copy(world: World) -> Verdict:
    spread = _spread(world)
    listed = [c for c in spread.copies if not (c.value.handed_over and c.value.old)]
    strong = [c for c in listed if not c.value.weak]
    broken = [c for c in strong if not c.near or c.ref.kind != "Secret"]
    near = [c for c in strong if c not in broken]
    seen = f"{spread.values} values, {_looked(spread)}" + names(map(str, broken))
    seen += f"; beside the declared one, in its namespace: {_some(near)}" if near else ""
    weak = Counter(str(c.value) for c in listed if c.value.weak)
    met = ", ".join(f"{value} ({count})" for value, count in sorted(weak.items()))
    seen += f"; short, common or public, met elsewhere and not counted: {met}" if weak else ""
    seen += f"; controllers that copy: {', '.join(sorted(spread.copiers))}" if spread.copiers else ""
    hint = "declare a consumer (or an InternalSecret) in its place, and delete the copy" if broken else ""
    return judged(not broken, seen, hint)


def _spread(world: World) -> Spread:
    return world.look.once("spread", lambda: Spread(world))


def _looked(spread: Spread) -> str:
    seen = f"{spread.looked} objects ({LOOKED}), {spread.paths} other paths of Vault"
    return seen + (f"; no right to list {', '.join(spread.unread)}" if spread.unread else "")


def _some(copies: list[Copy]) -> str:
    shown = ", ".join(map(str, copies[:SHOWN]))
    return shown + (f" and {len(copies) - SHOWN} more" if len(copies) > SHOWN else "")


@claim(
    "configuration",
    "INV8",
    "configuration lies apart from secrets, and holds none",
    reads="the catalog's paths, and what lies below `platform-config/` in Vault: names, forms of keys "
    "and tokens, and whether it is the value of a secret",
    unseen="a secret there that has no known form and is no value of the catalog",
)
def configuration(world: World) -> Verdict:
    wrong = [*_mixed(world)]
    secret = _secrets(world)
    live, strange = tuple(below(world, CONFIG)), []
    declared = {entry.path for entry in world.intent.internals if entry.kind == "InternalConfig"}
    for path in live:
        now = held(world, path)
        for field, value in (now.values if now else {}).items():
            looks = secret_looking(value)
            if not looks and secret[0].whole(value) in secret[1]:
                looks = "the value of a secret"
            if not looks and field in SECRET_FIELDS:
                looks = f"a {field}, by its name"
            if looks:
                wrong.append(f"{path}.{field} is {looks}")
        if path not in declared:
            strange.append(path)
    seen = f"{len(declared)} entries declared, {len(live)} paths below {CONFIG}/{names(wrong)}"
    seen += f"; not declared{names(strange)}" if strange else ""
    return judged(not wrong, seen, "make it an InternalSecret, and reissue the value" if wrong else "")


def _mixed(world: World) -> Iterator[str]:
    """Entries whose path is on the other's side."""
    for entry in world.intent.internals:
        if (entry.path.partition("/")[0] == CONFIG) != (entry.kind == "InternalConfig"):
            yield f"{entry.name}: {entry.kind} at {entry.path}"
    for secret in world.intent.secrets:
        if (secret.path or "").partition("/")[0] == CONFIG:
            yield f"{secret.name}: Secret at {secret.path}"


def _secrets(world: World) -> tuple[Fingerprints, frozenset[bytes]]:
    """Digests of what the secrets of the catalog hold now; what is short or no secret by its name is left aside."""
    prints = Fingerprints()
    paths = [s.path for s in world.intent.secrets if s.path]
    paths += [i.path for i in world.intent.internals if i.kind == "InternalSecret"]
    found = set()
    for path in paths:
        now = held(world, path)
        for field, value in (now.values if now else {}).items():
            if not is_weak(value) and not OPEN_FIELD.fullmatch(field):
                found.add(prints.of(value))
    return prints, frozenset(found)
