"""A repository on a real server, over TLS and SSH: read as the local one, reached by what was named alone."""

import base64
import hashlib
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bootstrap.adapters.git import https as git_https
from bootstrap.adapters.git import pack as git_pack
from bootstrap.adapters.git.access import GitAccess, open_key, open_token
from bootstrap.adapters.git.history import past_files
from bootstrap.adapters.git.limits import Meter
from bootstrap.adapters.git.location import parse_location
from bootstrap.adapters.git.remote import open_remote
from bootstrap.adapters.git.repository import GitRepository, open_repository
from bootstrap.adapters.records.commit import CommitRecords
from bootstrap.adapters.ssh.agent import KeyAgent
from bootstrap.model.errors import BootstrapError, DefinitionError
from bootstrap.model.sensitive import Sensitive
from tests.simulator import platform
from tests.simulator.platform import SimulatedPlatform
from tests.support.git_servers import TOKEN, Https, Ssh, backend, git, https, proxy, sshd, why_no_sshd
from tests.support.git_work import bootstrap, work
from tests.support.tls_server import Cut, Observation

__all__ = ["work"]  # a fixture


@pytest.fixture(scope="module")
def root(work: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("served")
    git(work, "clone", "-q", "--bare", str(work), str(folder / "platform.git"))
    return folder


@pytest.fixture(scope="module")
def server(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Https]:
    with https(root, tmp_path_factory.mktemp("https")) as made:
        yield made


@pytest.fixture
def web(server: Https) -> Iterator[Https]:
    server.server.seen.clear()
    header = server.header
    yield server
    server.answer, server.header = None, header


def access(web: Https, **more: object) -> GitAccess:
    given: dict[str, Any] = {"ca": web.ca_file, "token": Sensitive(TOKEN.encode(), "token")} | more
    return GitAccess(**given)


def fetched(
    web: Https, rev: str = "HEAD", url: str = "", *, history: bool = False, **more: object
) -> GitRepository:
    return open_remote(parse_location(url or web.url()), rev, access(web, **more), history=history)


def refused(web: Https, rev: str = "HEAD", url: str = "", **more: Any) -> BootstrapError:
    with pytest.raises(BootstrapError) as caught:
        fetched(web, rev, url, **more)
    error = caught.value
    assert error.hint and error.__cause__ is None
    assert TOKEN not in error.message + error.where + error.hint
    return error


def revisions(work: Path) -> list[str]:
    head, first = git(work, "rev-parse", "HEAD"), git(work, "rev-parse", "HEAD~1")
    tag = git(work, "rev-parse", "v1")  # the annotated tag's own hash
    return ["HEAD", "main", "v1", "side", "refs/heads/side", head, first, first[:9], first[:5].upper(), tag]


def test_every_way_to_name_a_revision_is_the_local_one(web: Https, work: Path) -> None:
    for rev in revisions(work):
        there, here = fetched(web, rev), open_repository(work, rev)
        assert (there.commit, there.tree, there.paths()) == (here.commit, here.tree, here.paths()), rev
        assert there.named.id == here.named.id
        assert all(there.read(path) == here.read(path) for path in here.paths())
        assert there.unused_changes() == ()


@pytest.mark.parametrize("rev", ["nothing", "0" * 40, "ffff", "HEAD~1", "", "../x", "v1^{}"])
def test_a_revision_that_the_server_has_not(web: Https, rev: str) -> None:
    assert refused(web, rev).code == "E_REPO_REV"


def test_history_stays_there_unless_it_is_asked_for(web: Https, work: Path) -> None:
    with pytest.raises(DefinitionError) as caught:
        list(past_files(fetched(web)))
    assert caught.value.code == "E_REPO_REV"
    assert [p.path for p in past_files(fetched(web, history=True))] == [
        p.path for p in past_files(open_repository(work))
    ]


def test_nothing_is_written_to_a_disk(web: Https, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: object, **__: object) -> None:
        raise AssertionError("a file")

    for name in ("SpooledTemporaryFile", "TemporaryFile", "NamedTemporaryFile", "mkstemp", "mkdtemp"):
        monkeypatch.setattr(tempfile, name, forbidden)
    assert fetched(web, history=True).paths()


def test_the_token_is_sent_as_basic_with_the_users_name_or_as_bearer(web: Https) -> None:
    web.header = "Basic " + base64.b64encode(f"deploy:{TOKEN}".encode()).decode()
    assert fetched(web, url=web.url().replace("https://", "https://deploy@")).paths()
    web.header = f"Bearer {TOKEN}"
    assert fetched(web, token=Sensitive(f"Bearer {TOKEN}".encode(), "token")).paths()


def test_a_user_without_a_token_may_be_a_token_and_is_neither_sent_nor_shown(web: Https) -> None:
    error = refused(web, url=web.url().replace("https://", f"https://{TOKEN}@"), token=None)
    assert (error.code, web.server.seen) == ("E_REPO_URL", [])


def test_a_server_that_sends_whole_histories_only(web: Https, root: Path, work: Path) -> None:
    def without_shallow(seen: Observation) -> tuple[int, dict[str, str], bytes]:
        status, headers, body = backend(root, seen)
        return status, headers, body.replace(b" shallow ", b" shallxw ")

    web.answer = without_shallow
    found = fetched(web, "main")
    assert found.commit == git(work, "rev-parse", "main")
    assert list(past_files(found)) == list(past_files(open_repository(work)))


@pytest.mark.parametrize("token", [None, "wrong"])
def test_a_server_that_takes_no_such_token(web: Https, token: str | None) -> None:
    error = refused(web, token=Sensitive(token.encode(), "token") if token else None)
    assert (error.code, error.exit_code) == ("E_GIT_AUTH", 4)
    assert len(web.server.seen) == 1


def test_the_certificate_must_be_of_the_named_authority_and_of_that_host(web: Https, tmp_path: Path) -> None:
    assert refused(web, ca=None).code == "E_GIT_TLS"
    assert refused(web, url=web.url(host="127.0.0.1")).code == "E_GIT_TLS"
    assert web.server.seen == []
    assert refused(web, ca=tmp_path / "none").code == "E_GIT_CA"
    (tmp_path / "text").write_text("no certificate")
    assert refused(web, ca=tmp_path / "text").code == "E_GIT_CA"


def test_a_repository_that_is_not_there(web: Https) -> None:
    error = refused(web, url=web.url("other.git"))
    assert (error.code, error.exit_code) == ("E_GIT_NOT_FOUND", 4)


def test_a_redirect_is_not_followed_and_its_place_is_named(web: Https) -> None:
    web.answer = lambda _: (301, {"Location": "https://elsewhere.example/x.git/info/refs?service=a"}, b"")
    error = refused(web)
    assert error.code == "E_GIT_REDIRECT"
    assert "--repo https://elsewhere.example/x.git" in error.hint
    web.answer = lambda _: (302, {"Location": "https://u:p@elsewhere.example/\x1b[31m"}, b"")
    assert "elsewhere" not in refused(web).hint
    for unread in ("https://[elsewhere/info/refs", "https://elsewhere:x/r", "https://elsewhere:99999999/r"):
        web.answer = lambda _, place=unread: (302, {"Location": place}, b"")
        assert refused(web).code in ("E_GIT_REDIRECT", "E_GIT_PROTOCOL")
    assert len(web.server.seen) == 5


@pytest.mark.parametrize("kind", ["text/html", "text/plain", "application/x-git-upload-pack-advertisement"])
def test_what_is_not_gits_protocol_is_refused(web: Https, kind: str) -> None:
    web.answer = lambda _: (200, {"Content-Type": kind}, b"0" * 40 + b"\trefs/heads/main\n")
    assert refused(web).code in ("E_GIT_PROTOCOL", "E_REPO_REV")


def test_a_server_of_plain_files_is_not_walked(web: Https, work: Path) -> None:
    head = git(work, "rev-parse", "HEAD").encode()
    web.answer = lambda _: (200, {"Content-Type": "text/plain"}, head + b"\trefs/heads/main\n")
    assert refused(web, "main").code == "E_GIT_PROTOCOL"
    assert len(web.server.seen) == 1


def test_a_server_that_breaks_off_or_is_not_there(web: Https) -> None:
    def cut(_: Observation) -> tuple[int, dict[str, str], bytes]:
        raise Cut

    web.answer = cut
    assert refused(web).code == "E_GIT_UNREACHABLE"
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert refused(web, url=f"https://localhost:{port}/x").code == "E_GIT_UNREACHABLE"
    web.answer = lambda _: (503, {}, b"")
    assert refused(web).code == "E_GIT_UNREACHABLE"


def test_a_server_that_does_not_answer(web: Https, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(git_https, "READ", 0.2)

    def slow(_: Observation) -> tuple[int, dict[str, str], bytes]:
        time.sleep(0.6)
        return 200, {}, b""

    web.answer = slow
    assert refused(web).code == "E_GIT_TIMEOUT"


@pytest.mark.parametrize("change", [11, 40, 500, 0])
def test_a_damaged_pack_is_refused(web: Https, root: Path, change: int) -> None:
    def damaged(seen: Observation) -> tuple[int, dict[str, str], bytes]:
        status, headers, body = backend(root, seen)
        if seen.method == "POST":
            at = body.index(b"PACK") + change
            body = body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :] if change else body[: len(body) // 2]
        return status, headers, body

    web.answer = damaged
    assert refused(web).code == "E_GIT_PROTOCOL"


def test_a_server_may_send_so_much_and_no_more(web: Https, monkeypatch: pytest.MonkeyPatch) -> None:
    meter = Meter("x", most=1 << 20)
    with pytest.raises(BootstrapError) as caught:
        meter.reads(lambda size: b"x" * size)((1 << 20) + 1)
    assert caught.value.code == "E_GIT_SIZE"
    with pytest.raises(BootstrapError) as caught:
        Meter("x", seconds=0).count(1)
    assert caught.value.code == "E_GIT_TIMEOUT"
    for limit in ("MOST_OBJECTS", "MOST_OBJECT", "MOST_UNPACKED"):
        with monkeypatch.context() as patch:
            patch.setattr(git_pack, limit, 2)
            assert refused(web).code == "E_GIT_SIZE", limit


def test_a_few_bytes_that_stand_for_many_are_not_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(tmp_path, "init", "-q")
    (tmp_path / "zeros").write_bytes(bytes(8 << 20))
    (tmp_path / "more").write_bytes(bytes(8 << 20) + b"1")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "bomb")
    git(tmp_path, "repack", "-qad")
    (pack,) = (tmp_path / ".git" / "objects" / "pack").glob("*.pack")
    git_pack.check_sizes(pack.read_bytes(), "x")
    for limit in ("MOST_OBJECT", "MOST_UNPACKED"):
        with monkeypatch.context() as patch:
            patch.setattr(git_pack, limit, 4 << 20)
            with pytest.raises(BootstrapError) as caught:
                list(git_pack.unpack(pack.read_bytes(), "x"))
            assert caught.value.code == "E_GIT_SIZE"


def test_by_a_proxy_that_was_named(web: Https) -> None:
    with proxy() as between:
        assert fetched(web, proxy=f"http://127.0.0.1:{between.port}").paths()
        assert set(between.asked) == {f"CONNECT localhost:{web.server.port} HTTP/1.1"} or between.asked
    assert refused(web, proxy="http://127.0.0.1:1").code == "E_GIT_PROXY"
    for wrong in (
        *("socks5://127.0.0.1:1", "http://u:secret@127.0.0.1:1", "127.0.0.1:1", "http://u:secret@[x"),
        *("http://127.0.0.1:secret", "http://127.0.0.1:99999999"),
    ):
        error = refused(web, proxy=wrong)
        assert (error.code, "secret" in error.message + error.where) == ("E_GIT_PROXY", False)


def ambient(folder: Path) -> dict[str, Any]:
    """Everything that ``git``, ``ssh`` and HTTP libraries listen to, each of it wrong."""
    (folder / ".ssh").mkdir()
    (folder / ".ssh" / "config").write_text("Host *\n  ProxyCommand false\n  Port 1\n")
    (folder / ".gitconfig").write_text(
        '[url "https://nowhere.invalid/"]\n\tinsteadOf = https://localhost\n[http]\n\tproxy = http://127.0.0.1:1\n'
    )
    (folder / ".netrc").write_text("machine localhost login x password y\n")
    nowhere = "http://127.0.0.1:1"
    return {
        "HOME": str(folder),
        "SSH_AUTH_SOCK": "/nonexistent",
        "GIT_SSH_COMMAND": "false",
        "GIT_SSH": "false",
        "GIT_ASKPASS": "false",
        "GIT_DIR": "/nonexistent",
        "SSL_CERT_FILE": "/nonexistent",
        **{
            name: nowhere
            for base in ("http_proxy", "https_proxy", "all_proxy")
            for name in (base, base.upper())
        },
    }


def test_g5_the_plan_is_the_same_from_there_and_from_here_whatever_the_surroundings(
    web: Https, work: Path, tmp_path: Path
) -> None:
    here = bootstrap("plan", "--repo", work, "-o", "json")
    options = ("--repo", web.url(), "--git-ca", web.ca_file, "--git-token", f"file:{web.token_file}")
    there = bootstrap("plan", *options, "-o", "json", **ambient(tmp_path))
    assert (here.returncode, there.returncode) == (0, 0), there.stderr
    assert there.stdout == here.stdout
    by_file = bootstrap("plan", "--repo", f"file://{work}", "-o", "json")
    assert by_file.stdout == here.stdout


def test_check_looks_through_the_history_of_a_remote_repository(web: Https) -> None:
    options = ("--repo", web.url(), "--git-ca", web.ca_file, "--git-token", f"file:{web.token_file}")
    done = bootstrap("check", *options, "--history")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "E_REPO_REV" not in done.stdout


def test_up_wants_a_folder_for_its_records_and_rekey_a_work_tree(web: Https, tmp_path: Path) -> None:
    options = ("--repo", web.url(), "--git-ca", web.ca_file, "--git-token", f"file:{web.token_file}")
    done = bootstrap("up", *options, "--kubeconfig", tmp_path / "none")
    assert (done.returncode, "[E_RECORDS]" in done.stderr) == (2, True), done.stderr
    for command in (("rekey-repo",), ("import", str(tmp_path))):
        done = bootstrap(*command, "--repo", web.url())
        assert (done.returncode, "[E_REPO_LOCAL]" in done.stderr) == (2, True), done.stderr


def test_b4_the_fresh_process_reads_the_commit_from_the_server_too(
    web: Https, work: Path, tmp_path: Path
) -> None:
    (tmp_path / "kubeconfig").write_text(
        "apiVersion: v1\nkind: Config\ncurrent-context: x\n"
        "contexts: [{name: x, context: {cluster: c, user: u}}]\n"
        "clusters: [{name: c, cluster: {server: 'https://127.0.0.1:1'}}]\nusers: [{name: u, user: {token: t}}]\n"
    )
    reading, writing = os.pipe()
    os.write(writing, TOKEN.encode())
    os.close(writing)
    words = ("prove-escrow", "--cluster", "x", "--repo", web.url(), "--rev", git(work, "rev-parse", "HEAD"))
    cluster = (
        "--kubeconfig",
        tmp_path / "kubeconfig",
        "--records",
        tmp_path,
        "--root",
        work.parent / "root.key",
    )
    done = bootstrap(
        *words, *cluster, "--git-ca", web.ca_file, "--git-token", f"fd:{reading}", fds=(reading,)
    )
    os.close(reading)
    assert done.returncode == 4, done.stderr
    assert "E_GIT" not in done.stderr and "E_REPO" not in done.stderr and "127.0.0.1:1" in done.stderr


def test_a_whole_run_from_the_server(
    web: Https, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = SimulatedPlatform(tmp_path)
    git(root, "clone", "-q", "--bare", str(here.repository), "simulated.git")

    def there(path: Path, rev: str) -> GitRepository:
        return fetched(web, rev, web.url("simulated.git"))

    with monkeypatch.context() as patch:
        patch.setattr(platform, "open_repository", there)
        done = here.up()
        assert {seen.path.split("/")[1] for seen in web.server.seen} == {"simulated.git"}
    assert not any(outcome.pending for outcome in done.outcomes)
    platform.opened.cache_clear()
    again = here.up()  # goes on from the folder: the same plan
    assert not [outcome.step.id for outcome in again.outcomes if outcome.acted]


def test_the_records_of_a_commit_are_read_and_never_written(tmp_path: Path) -> None:
    for name in (
        "records/uid-1/head.json",
        "records/uid-1/escrow.json",
        "records/README.md",
        "bootstrap.yaml",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "x")
    records = CommitRecords(open_repository(tmp_path))
    assert (records.clusters(), records.read("uid-1", "head.json")) == (
        ("uid-1",),
        b"records/uid-1/head.json",
    )
    assert records.read("uid-2", "head.json") is None
    records.write("uid-1", "head.json", b"records/uid-1/head.json")
    with pytest.raises(DefinitionError) as caught:
        records.write("uid-1", "head.json", b"other")
    assert caught.value.code == "E_RECORDS"


# ---------------------------------------------------------------- where it lies


@given(
    text=st.text(max_size=40) | st.from_regex(r"(https|ssh|file)://[a-z@:/\[\]%?#.-]{0,30}", fullmatch=True)
)
@settings(max_examples=300, deadline=None)
def test_any_text_is_a_location_or_is_refused(text: str) -> None:
    try:
        found = parse_location(text)
    except DefinitionError as error:
        assert error.code == "E_REPO_URL"
    else:
        assert found.folder is not None or (found.host and not found.host.startswith("-"))


@given(data=st.binary(max_size=200), count=st.integers(0, 3))
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_a_pack_or_are_refused(data: bytes, count: int) -> None:
    head = b"PACK\0\0\0\2" + count.to_bytes(4)
    for pack in (data, head + data, head + data + hashlib.sha1(head + data).digest()):  # Git's
        try:
            list(git_pack.unpack(pack, "x"))
        except BootstrapError as error:
            assert error.code in ("E_GIT_PROTOCOL", "E_GIT_SIZE")


@pytest.mark.parametrize(
    "url",
    [
        "http://host/x",
        "git://host/x",
        "ftp://host/x",
        "ext::sh -c touch% /tmp/x",
        "https://user:geheim@host/x",
        "ssh://user:geheim@host/x",
        "https://host",
        "https://host/x?token=geheim",
        "https://host/x#geheim",
        "ssh://-oProxyCommand=geheim/x",
        "-oProxyCommand=geheim@host:x",
        "us er@host:x",
        "git@-host:x",
        "https://host:geheim/x",
        "https://[::1/x",
        "file://host/x",
        "host:\nx",
        "::x",
    ],
)
def test_a_location_that_is_refused_shows_no_part_that_could_be_a_secret(url: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        parse_location(url)
    error = caught.value
    assert (error.code, bool(error.hint)) == ("E_REPO_URL", True)
    assert "geheim" not in error.message + error.where + error.hint


@pytest.mark.parametrize(
    ("text", "kind", "host", "port", "user", "path", "shown"),
    [
        ("https://host/a/b.git", "https", "host", 0, "", "/a/b.git", "https://host/a/b.git"),
        ("https://me@host:8443/b", "https", "host", 8443, "me", "/b", "https://host:8443/b"),
        (
            "ssh://git@host:2222/~me/a%20b",
            "ssh",
            "host",
            2222,
            "git",
            "/~me/a b",
            "ssh://host:2222/~me/a%20b",
        ),
        ("git@host:a/b.git", "ssh", "host", 0, "git", "a/b.git", "host:a/b.git"),
        ("git@[::1]:a", "ssh", "::1", 0, "git", "a", "::1:a"),
        ("SSH://[::1]:22/a", "ssh", "::1", 22, "", "/a", "ssh://[::1]:22/a"),
        ("file:///a%20b", "folder", "", 0, "", "/a b", "/a b"),
        ("./a:b", "folder", "", 0, "", "./a:b", "./a:b"),
        (".", "folder", "", 0, "", ".", "."),
    ],
)
def test_a_location_is_what_git_makes_of_it(
    text: str, kind: str, host: str, port: int, user: str, path: str, shown: str
) -> None:
    found = parse_location(text)
    assert (found.kind, found.host, found.port, found.user) == (kind, host, port, user)
    assert (found.path, found.shown) == (path, shown)


def test_a_password_in_the_url_is_not_repeated_by_the_program() -> None:
    for command in ("check", "plan", "up", "rekey-repo"):
        done = bootstrap(command, "--repo", "https://me:geheim@localhost/x")
        assert (done.returncode, "[E_REPO_URL]" in done.stderr) == (2, True)
        assert "geheim" not in done.stdout + done.stderr


def test_a_token_comes_from_a_file_of_ones_own_or_a_descriptor(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.touch(0o600)
    for content, good in (("abc\n", True), ("abc\r\n", True), ("", False), ("a\nb\n", False), ("ä", False)):
        path.write_text(content)
        if good:
            assert open_token(f"file:{path}").reveal() == b"abc"
        else:
            with pytest.raises(DefinitionError) as caught:
                open_token(f"file:{path}")
            assert caught.value.code == "E_GIT_TOKEN"
    with pytest.raises(DefinitionError) as caught:
        open_token("geheim")
    assert (caught.value.code, "geheim" in str(vars(caught.value))) == ("E_GIT_TOKEN", False)
    path.chmod(0o640)
    with pytest.raises(BootstrapError, match=r"the token .* can be read by others"):
        open_token(f"file:{path}")


# ---------------------------------------------------------------- ssh


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ssh]:
    if why := why_no_sshd():  # never with os.environ.get("CI")
        pytest.skip(why)
    with sshd(tmp_path_factory.mktemp("sshd")) as made:
        yield made


def by_ssh(shell: Ssh, root: Path, key: str = "ed25519", url: str = "", **more: object) -> GitRepository:
    opened = open_key(str(shell.key(key)), lambda _: None) if key else None
    given: dict[str, Any] = {"known_hosts": shell.known_hosts, "key": opened} | more
    location = parse_location(url or shell.url(root / "platform.git"))
    return open_remote(location, "HEAD", GitAccess(**given))


def ssh_refused(*given: Any, **more: Any) -> BootstrapError:
    with pytest.raises(BootstrapError) as caught:
        by_ssh(*given, **more)
    assert caught.value.hint
    assert caught.value.exit_code == 4
    return caught.value


@pytest.mark.parametrize("key", ["ed25519", "rsa", "ecdsa"])
def test_by_ssh_with_each_kind_of_key(shell: Ssh, root: Path, work: Path, key: str) -> None:
    assert by_ssh(shell, root, key).commit == git(work, "rev-parse", "HEAD")
    assert not list(Path("/tmp").glob("bootstrap-ssh-*"))


def test_the_passphrase_of_the_key_is_asked_for(shell: Ssh, root: Path) -> None:
    asked: list[str] = []

    def answer(text: str) -> Sensitive:
        asked.append(text)
        return Sensitive(b"open sesame", "passphrase")

    opened = open_key(str(shell.key("locked")), answer)
    location = parse_location(shell.url(root / "platform.git"))
    assert open_remote(location, "HEAD", GitAccess(key=opened, known_hosts=shell.known_hosts)).paths()
    assert asked == ["Passphrase of the SSH key: "]
    with pytest.raises(BootstrapError) as caught:
        open_key(str(shell.key("locked")), lambda _: None)
    assert (caught.value.code, caught.value.where) == ("E_KEY_PASS", "--git-key")


def test_a_host_key_that_is_not_the_named_one(shell: Ssh, root: Path, tmp_path: Path) -> None:
    empty, other = tmp_path / "empty", tmp_path / "other"
    empty.write_text("")
    other.write_text(f"[127.0.0.1]:{shell.port} {shell.key('stranger.pub').read_text()}")
    unknown, changed = (ssh_refused(shell, root, known_hosts=path) for path in (empty, other))
    assert (unknown.code, changed.code) == ("E_GIT_HOST_KEY", "E_GIT_HOST_KEY")
    assert "no key of this server" in unknown.message and "another one" in changed.message
    assert ssh_refused(shell, root, known_hosts=None).code == "E_GIT_KNOWN_HOSTS"
    assert ssh_refused(shell, root, known_hosts=tmp_path / "none").code == "E_GIT_KNOWN_HOSTS"


def test_what_else_goes_wrong_by_ssh(shell: Ssh, root: Path) -> None:
    assert ssh_refused(shell, root, "stranger").code == "E_GIT_AUTH"
    assert ssh_refused(shell, root, "").code == "E_GIT_KEY"
    assert ssh_refused(shell, root, url=shell.url(root / "other.git")).code == "E_GIT_NOT_FOUND"
    assert ssh_refused(shell, root, proxy="http://127.0.0.1:1").code == "E_GIT_PROXY"
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    error = ssh_refused(shell, root, url=f"ssh://127.0.0.1:{port}/x")
    assert error.code == "E_GIT_UNREACHABLE"


def test_the_key_may_come_through_a_descriptor_and_nothing_else_of_ssh_counts(
    shell: Ssh, root: Path, work: Path, tmp_path: Path
) -> None:
    options = ("--repo", shell.url(root / "platform.git"), "--git-known-hosts", shell.known_hosts)
    with shell.key("ed25519").open("rb") as file:
        key = ("--git-key", f"fd:{file.fileno()}")
        done = bootstrap("plan", *options, *key, "-o", "json", fds=(file.fileno(),), **ambient(tmp_path))
    assert done.returncode == 0, done.stderr
    assert done.stdout == bootstrap("plan", "--repo", work, "-o", "json").stdout
    assert sorted(path.name for path in (tmp_path / ".ssh").iterdir()) == ["config"]


def test_the_agent_answers_its_client_alone(tmp_path: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "key"], check=True)
    question, said = b"\0\0\0\1\x0b", b""
    with KeyAgent(Sensitive((tmp_path / "key").read_bytes(), "key"), tmp_path) as agent:
        for client, answered in ((os.getppid(), False), (os.getpid(), True)):
            agent.serve(client)
            with socket.socket(socket.AF_UNIX) as asking:
                asking.settimeout(5)
                asking.connect(str(agent.path))
                try:
                    asking.sendall(question)
                    said = asking.recv(4096)
                except ConnectionError:
                    said = b""
            assert bool(said) is answered
    assert said[4:5] == b"\x0c"
