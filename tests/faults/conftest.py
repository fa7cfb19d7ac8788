"""One bench for all faults on real servers: made at the first test that asks for it."""

import time
from collections.abc import Iterator

import pytest

from tests.faults.bench import EMPTY, Bench
from tests.faults.servers import ACCOUNT, account, kubeconfig, no_account, proxy_of
from tests.faults.templates import Templates
from tests.lab.support.cluster import Kube, Lab
from tests.lab.support.platform import declare_operator, make_platform
from tests.lab.support.reset import reset


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.import_plugin("tests.lab.support.plugin")


@pytest.fixture(scope="package")
def bench(lab: Lab, kube: Kube, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    reset(kube)
    begun = time.monotonic()
    folder = tmp_path_factory.mktemp("faults")
    platform = make_platform(folder, lab)
    declare_operator(platform, f"kube-system/{ACCOUNT}")
    proxy, own = proxy_of(kube, (platform.folder / "keys/vault-ca.crt").read_bytes())
    config = kubeconfig(proxy, own, account(kube), folder)
    templates = Templates(lab, folder / "templates")
    try:
        with proxy.serving():
            found = Bench(kube, platform, proxy, config, templates, folder)
            found.prepare()
            print(f"templates made in {time.monotonic() - begun:.0f} s; writes by road: {found.counts}")
            yield found
            templates.restore(EMPTY)
    finally:  # else `verify` finds it in every test that follows
        no_account(kube)
