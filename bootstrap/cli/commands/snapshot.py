"""``bootstrap snapshot``: the platform's backup as one file. Only ``save`` and a bucket need a cluster (INV1)."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bootstrap.cli import terminal
from bootstrap.cli.evidence_files import HeadOption, heads_for, heads_named, read
from bootstrap.cli.exits import BROKEN
from bootstrap.cli.options import REACH, SOURCE, Options, Output, common_options
from bootstrap.model.errors import DefinitionError, EvidenceError

if TYPE_CHECKING:
    from bootstrap.adapters.snapshot.file import SnapshotFile
    from bootstrap.operations.snapshot.judge import Contents
    from bootstrap.operations.snapshot.shelf import Shelf

app = typer.Typer(
    name="snapshot", help="The platform's backup as one file: save, list, show, verify.", no_args_is_help=True
)

KeysOption = Annotated[
    Path | None,
    typer.Option(
        "--keys", metavar="DIR", help="A folder with ledger.pub, and records/ beside it; for the commit."
    ),
]
FileArgument = Annotated[
    str,
    typer.Argument(
        metavar="FILE|s3://BUCKET/KEY",
        help="A snapshot. In a bucket it is read with the login that the platform declares.",
    ),
]


@app.command()
@common_options()
def save(
    options: Options,
    out: Annotated[
        str,
        typer.Option(
            "--out",
            metavar="FILE|DIR|s3://BUCKET/PREFIX",
            help="Where it is written; a folder or a bucket gets a name with the time.",
        ),
    ] = ".",
    in_cluster: Annotated[
        Path | None,
        typer.Option(
            "--in-cluster",
            metavar="DIR",
            help="As the CronJob that `up` makes: with what lies in this folder, and no other option but --out.",
        ),
    ] = None,
) -> int:
    """Save Vault's data, the ledger and bootstrap secrets as one file, sealed to the root while it streams.

    The root key is not asked for. Nothing is saved while a root token lives.
    """
    from bootstrap.cli.commands.snapshot_live import saved, saved_by_job

    written = saved(options, out) if in_cluster is None else saved_by_job(in_cluster, out)
    _tell(_facts(written.file), options.output)
    return 0


@app.command("list")
@common_options(*SOURCE, *REACH, "output", "non_interactive")
def list_(
    folder: Annotated[
        str,
        typer.Argument(
            metavar="FOLDER|s3://BUCKET/PREFIX",
            help="Where they lie. A bucket is read with the login that the platform declares.",
        ),
    ],
    options: Options,
) -> int:
    """Show the snapshots of a folder or a bucket, each judged without a key; exit 6 where one of them is damaged."""
    shelf = _shelf(folder, options)
    found: list[dict[str, Any]] = []
    for name in shelf.names():
        try:
            found.append(_facts(shelf.judged(name)))
        except (EvidenceError, DefinitionError) as error:
            found.append({"file": shelf.shown(name), "error": error.code, "why": error.message})
    if options.output is Output.JSON:
        terminal.document(json.dumps(found, sort_keys=True, indent=2, ensure_ascii=False))
    else:
        terminal.out(*(_line(each) for each in found) if found else [f"no snapshot in {folder}"])
    return BROKEN if any("error" in each for each in found) else 0


@app.command()
@common_options(*SOURCE, *REACH, "output", "non_interactive")
def show(file: FileArgument, options: Options) -> int:
    """Show what a snapshot says of itself, judged without a key."""
    _tell(_facts(_judged(file, options)), options.output)
    return 0


@app.command()
@common_options(*SOURCE, *REACH, "root", "records", "environment", "output", "non_interactive")
def verify(file: FileArgument, options: Options, keys: KeysOption = None, head: HeadOption = None) -> int:
    """Judge a snapshot before anything rests on it; exit 6 where any byte is wrong, or Vault did not sign it.

    Without --root: its form, every digest, and the signature by the key of Vault that a signed head names: of --keys
    DIR, else of the commit and --records. With --root, and the commit that holds the keys: every entry of Vault is
    opened with the share in the file, and manifest, ledger and Vault's data must speak of the same platform.
    """
    from bootstrap.ledger.bundle import KEY_FILE
    from bootstrap.operations.snapshot.judge import signed

    found = _judged(file, options)
    facts = _facts(found)
    if keys is not None:
        signed(found, {KEY_FILE: read(keys / KEY_FILE)}, heads_for(keys, head))
    elif not options.root or head:
        from bootstrap.cli.commands.snapshot_live import trusted

        public, heads = trusted(options)
        signed(found, public, heads_named(head) if head else heads)
    if options.root:
        from bootstrap.cli.commands.snapshot_live import opened

        facts |= _shown(opened(options, found))
    else:
        facts["proven"] = (
            "form, digests and Vault's signature; whether it opens, and what is in it, is seen with --root"
        )
    _tell(facts, options.output)
    return 0


def _judged(file: str, options: Options) -> "SnapshotFile":
    from bootstrap.operations.snapshot.shelf import SCHEME

    if file.startswith(SCHEME):
        from bootstrap.operations.snapshot.bucket import parted

        folder, name = parted(file)
        return _shelf(folder, options).judged(name, options.environment)
    from bootstrap.operations.snapshot.judge import judged

    return judged(Path(file), options.environment)


def _shelf(folder: str, options: Options) -> "Shelf":
    from bootstrap.operations.snapshot.shelf import SCHEME, Folder

    if folder.startswith(SCHEME):
        from bootstrap.cli.commands.snapshot_live import bucket

        return bucket(options, folder)
    return Folder(Path(folder))


def _facts(file: "SnapshotFile") -> dict[str, Any]:
    m = file.manifest
    return {
        "file": file.shown,
        "bytes": file.size,
        "time": m.time,
        "environment": m.environment,
        "cluster": m.cluster,
        "vaultCluster": m.vault_cluster,
        "vaultVersion": m.raft.version,
        "raftIndex": m.raft.index,
        "generation": m.share.generation,
        "unsealKey": m.share.unseal_key,
        "opensWith": f"the share of generation {m.share.generation}, which it carries as ciphertext to that key",
        "ledgerRecords": m.ledger.size,
        "ledgerHead": m.ledger.last,
        "saver": m.saver,
        "recipients": list(m.recipients),
        "tool": m.tool,
        "signedBy": file.signature.key_id if file.signature else "",
    }


def _shown(found: "Contents") -> dict[str, Any]:
    return {
        "proven": "signed by Vault; every entry opened; manifest, ledger and Vault's data are of one platform",
        "entries": found.entries,
        "inTheClear": list(found.clear),
        "tokens": [{"accessor": a, "policies": list(p)} for a, p in sorted(found.tokens.items())],
        "bootstrapSecrets": list(found.saved),
        "withoutRecord": list(found.unproven),
    }


def _tell(facts: dict[str, Any], output: Output) -> None:
    if output is Output.JSON:
        terminal.document(json.dumps(facts, sort_keys=True, indent=2, ensure_ascii=False))
    else:
        terminal.out(*(f"{name:<17} {_text(value)}" for name, value in facts.items()))


def _text(value: object) -> str:
    if not isinstance(value, list):
        return str(value) if value != "" else "none"
    words = [
        f"{e['accessor']} ({', '.join(e['policies'])})" if isinstance(e, dict) else str(e) for e in value
    ]
    return ", ".join(words) or "none"


def _line(each: dict[str, Any]) -> str:
    if "error" in each:
        return f"{each['file']}: {each['why']} [{each['error']}]"
    where = each["environment"] or each["cluster"]
    return (
        f"{each['file']}: {each['time']}, {each['bytes']} bytes, {where}, generation {each['generation']},"
        f" {each['ledgerRecords']} records"
    )
