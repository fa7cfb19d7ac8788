"""The cluster's snapshots in a bucket: a real S3 server, everything else simulated (INV1, S2)."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from bootstrap.adapters.root.root_key import Root, parse_root
from bootstrap.model.catalog import Bucket, Snapshots
from bootstrap.model.errors import BootstrapError, DefinitionError, EvidenceError, WorldError
from bootstrap.model.names import JOB_POLICY
from bootstrap.model.sensitive import Sensitive
from bootstrap.operations.snapshot.bucket import in_bucket, parted
from bootstrap.operations.snapshot.job import save_and_note
from bootstrap.operations.snapshot.judge import Trust, contents, judged
from bootstrap.operations.snapshot.shelf import InBucket, Written
from bootstrap.operations.verify.invariants import prove
from bootstrap.steps.vault import last_snapshot, snapshot_objects
from tests.simulator.platform import SimulatedPlatform, opened, scaffolded
from tests.simulator.repeatable import repeatable
from tests.simulator.snapshot_job import as_job, settings_of
from tests.support.s3_server import S3Server, s3_server
from tests.support.small_intent import an_intent
from tests.support.tls_server import authority

CREDENTIALS = "gitops-deploy-credential"  # a secret of the scaffold, in which the login is put
AUTHORITY = authority()
DECLARED = """\
  snapshots:
    schedule: "*/10 * * * *"
    keep: 3
    image: bootstrap.test/bootstrap:0.1.0
    imagePullSecrets: [registry]
    where:
      s3:
        {{endpoint: "{endpoint}", bucket: snapshots, prefix: of/demo, credentials: {credentials}, ca: s3-ca.crt}}
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[S3Server]:
    (tmp_path / "s3").mkdir()
    tls = (tmp_path / "s3" / "server.crt", tmp_path / "s3" / "server.key")
    for path, content in zip(tls, AUTHORITY.leaf("127.0.0.1"), strict=True):
        path.write_bytes(content)
    with s3_server(tmp_path / "s3" / "root", tmp_path / "s3" / "sidecar", tls=tls) as found:
        yield found


@pytest.fixture
def platform(tmp_path: Path, server: S3Server) -> Iterator[SimulatedPlatform]:
    def declare(folder: Path, _recipients: tuple[str, ...]) -> None:
        path = folder / "bootstrap.yaml"
        text = DECLARED.format(endpoint=server.place.endpoint, credentials=CREDENTIALS)
        path.write_text(path.read_text() + text)
        (folder / "keys" / "s3-ca.crt").write_bytes(AUTHORITY.pem)

    with repeatable():
        platform = SimulatedPlatform(tmp_path, scaffolded(tmp_path / "intent", declare))
        platform.up()
        yield platform


def path_of(platform: SimulatedPlatform) -> str:
    return opened(platform.repository).intent.secret(CREDENTIALS).in_vault


def test_s2_it_reaches_vault_and_its_bucket_and_nothing_reaches_it(
    platform: SimulatedPlatform, server: S3Server
) -> None:
    """The lab enforces no NetworkPolicy, so this is proven by the object alone."""
    policy = platform.cluster.get(snapshot_objects.NETWORK)
    cron = platform.cluster.get(last_snapshot.CRON_JOB)
    assert policy is not None
    assert cron is not None
    pod = cron["spec"]["jobTemplate"]["spec"]["template"]
    spec = policy["spec"]
    assert spec["podSelector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
    assert (spec["policyTypes"], spec["ingress"]) == (["Ingress", "Egress"], [])
    aimed = [rule for rule in spec["egress"] if "to" in rule]
    anywhere = [each["port"] for rule in spec["egress"] if "to" not in rule for each in rule["ports"]]
    assert anywhere == [53, 53, 443, 6443]
    assert [[each["port"] for each in rule["ports"]] for rule in aimed] == [[8200], [server.port]]
    assert aimed[1]["to"] == [{"ipBlock": {"cidr": "127.0.0.1/32"}}]


@pytest.mark.parametrize(
    ("endpoint", "rule"),
    [
        ("https://s3.example.com", {"ports": [{"port": 443, "protocol": "TCP"}]}),
        ("http://s3.example.com", {"ports": [{"port": 80, "protocol": "TCP"}]}),
        (
            "https://[2001:db8::1]:7070",
            {
                "ports": [{"port": 7070, "protocol": "TCP"}],
                "to": [{"ipBlock": {"cidr": "2001:db8::1/128"}}],
            },
        ),
    ],
)
def test_a_server_with_a_name_is_let_through_by_its_port_alone(endpoint: str, rule: object) -> None:
    intent = an_intent()
    bucket = Bucket(endpoint=endpoint, bucket="b", credentials="c")
    wanted = Snapshots(schedule="0 0 * * *", image="i", bucket=bucket)
    made = snapshot_objects.objects(
        intent, wanted, snapshot_objects.settings_of(intent, wanted, "c", ""), b""
    )
    (policy,) = (each for each in made if each["kind"] == "NetworkPolicy")
    assert policy["spec"]["egress"][-1] == rule


def test_its_image_is_pulled_with_the_declared_secrets(platform: SimulatedPlatform) -> None:
    cron = platform.cluster.get(last_snapshot.CRON_JOB)
    assert cron is not None
    pod = cron["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    assert pod["imagePullSecrets"] == [{"name": "registry"}]


def root_of(platform: SimulatedPlatform) -> Root:
    key = Sensitive((platform.repository.parent / "root.key").read_bytes(), "root key")
    return parse_root(key, lambda _: None)


def login(platform: SimulatedPlatform, server: S3Server) -> None:
    """The secret has the bucket's login."""
    newest = platform.vault.live().secrets[path_of(platform)].versions[-1]
    newest |= {"access-key-id": server.key(), "secret-access-key": server.secret()}


def job(platform: SimulatedPlatform, minutes: int = 0) -> tuple[Written, InBucket]:
    saving, settings = as_job(platform, minutes), settings_of(platform)
    cron = platform.cluster.get(last_snapshot.CRON_JOB)
    assert cron is not None
    (container,) = cron["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    try:
        shelf = in_bucket(
            container["args"][-1],
            settings.bucket,
            saving.session,
            settings.credentials,
            settings.bucket_ca.encode(),
        )
        return save_and_note(saving, shelf, settings.keep), shelf
    finally:
        saving.session.close()


def test_inv1_jobs_save_into_a_bucket_and_the_newest_stay(
    platform: SimulatedPlatform, server: S3Server, tmp_path: Path
) -> None:
    login(platform, server)
    made = [job(platform, minutes) for minutes in range(5)]
    written, shelf = made[-1]
    assert list(shelf.names()) == [each.name for each, _ in made[2:]]
    last = last_snapshot.read(platform.cluster)
    assert last is not None
    assert (last.file, last.sha256, last.kept) == (written.name, written.file.sha256, 3)
    fetched = tmp_path / written.name
    fetched.write_bytes((server.root / "snapshots" / "of" / "demo" / written.name).read_bytes())
    commit = opened(platform.repository)
    root = root_of(platform)
    found = contents(judged(fetched), Trust(root=root, material=commit.material, keys=commit.intent.keys))
    assert found.saved == (CREDENTIALS,)


def test_inv1_they_are_judged_and_opened_where_they_lie(
    platform: SimulatedPlatform, server: S3Server
) -> None:
    """What is not ours, or was damaged, is named as a folder would name it."""
    login(platform, server)
    written, shelf = job(platform)
    folder = server.root / "snapshots" / "of" / "demo"
    (folder / "theirs.snapshot").write_bytes(b"theirs")
    (folder / "cut.snapshot").write_bytes((folder / written.name).read_bytes()[:-512])
    assert shelf.names() == ("cut.snapshot", written.name, "theirs.snapshot")
    assert codes(shelf) == {
        "cut.snapshot": "E_SNAPSHOT_CUT",
        written.name: "",
        "theirs.snapshot": "E_SNAPSHOT_FORMAT",
    }
    file = shelf.judged(written.name)
    assert file.shown == f"s3://snapshots/of/demo/{written.name}"
    assert (file.sha256, file.manifest) == (written.file.sha256, written.file.manifest)
    commit = opened(platform.repository)
    trust = Trust(root=root_of(platform), material=commit.material, keys=commit.intent.keys)
    assert contents(file, trust).saved == (CREDENTIALS,)
    with pytest.raises(EvidenceError) as caught:
        shelf.judged(written.name, "production")
    assert caught.value.code == "E_SNAPSHOT_ENVIRONMENT"


def codes(shelf: InBucket) -> dict[str, str]:
    found = {}
    for name in shelf.names():
        try:
            shelf.judged(name)
            found[name] = ""
        except EvidenceError as error:
            assert error.where == f"s3://snapshots/of/demo/{name}"
            found[name] = error.code
    return found


def test_s2_it_has_no_volume_and_reads_the_login_by_its_own_policy(platform: SimulatedPlatform) -> None:
    assert platform.cluster.get(snapshot_objects.CLAIM) is None
    policy = platform.vault.live().plain[f"sys/policies/acl/{JOB_POLICY}"]["policy"]
    assert f'path "secret/data/{path_of(platform)}" {{ capabilities = ["read"] }}' in policy
    assert [f"{p.id}: {p.evidence}" for p in prove(platform.world(), deep=True) if p.ok is not True] == []


def test_a_login_that_is_not_whole_is_named(platform: SimulatedPlatform, server: S3Server) -> None:
    with pytest.raises(DefinitionError) as caught:
        job(platform)
    assert caught.value.code == "E_S3_LOGIN"
    assert "access-key-id" in caught.value.message


def test_a_server_that_is_away_fails_the_job_and_notes_nothing(
    platform: SimulatedPlatform, server: S3Server
) -> None:
    login(platform, server)
    server.stop()
    with pytest.raises(BootstrapError) as caught:
        job(platform)
    assert caught.value.code == "E_S3_AWAY"
    assert last_snapshot.read(platform.cluster) is None
    assert JOB_POLICY not in str([t.policies for t in platform.vault.live().tokens.values()])


@pytest.mark.skipif(
    os.geteuid() != 0 and not os.environ.get("CI"), reason="a file system of its own needs root"
)
def test_inv1_a_server_that_is_full_fails_the_job_and_the_older_stay(
    platform: SimulatedPlatform, server: S3Server
) -> None:
    folder = server.root / "snapshots"
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "none", str(folder)], check=True)
    try:
        login(platform, server)
        written, shelf = job(platform)
        with pytest.raises(OSError, match="No space"):
            (folder / "filler").write_bytes(bytes(8 << 20))
        with pytest.raises(WorldError) as caught:
            job(platform, minutes=1)
        assert caught.value.code == "E_S3_REFUSED"
        assert shelf.names() == (written.name,)
        assert shelf.judged(written.name).sha256 == written.file.sha256
        last = last_snapshot.read(platform.cluster)
        assert last is not None
        assert last.file == written.name
    finally:
        server.stop()
        subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("out", ["s3://", "s3://UPPER/x", "s3://a/b c", "s3://-/x"])
def test_what_is_no_place_is_refused(out: str, platform: SimulatedPlatform, server: S3Server) -> None:
    world = platform.world()
    with pytest.raises(DefinitionError) as caught:
        in_bucket(out, server.place, world.session, path_of(platform), b"")
    assert caught.value.code == "E_S3_PLACE"


@pytest.mark.parametrize("place", ["s3://", "s3://bucket", "s3://bucket/", "s3://UPPER/x", "s3://a/b c/d"])
def test_what_is_no_object_is_refused(place: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        parted(place)
    assert (caught.value.code, caught.value.where) == ("E_S3_PLACE", place)


def test_an_object_has_a_bucket_and_a_name() -> None:
    assert parted("s3://bucket/a") == ("s3://bucket", "a")
    assert parted("s3://bucket/of/demo/a.snapshot") == ("s3://bucket/of/demo", "a.snapshot")


def test_a_server_that_is_not_declared_is_asked_for(platform: SimulatedPlatform) -> None:
    with pytest.raises(DefinitionError) as caught:
        in_bucket("s3://snapshots/x", None, platform.world().session, "", b"")
    assert (caught.value.code, "bootstrap up" in caught.value.hint) == ("E_S3_PLACE", True)
