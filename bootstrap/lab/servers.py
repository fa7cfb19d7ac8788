"""The servers of a lab: which Go module builds each, and which binaries it gives.

Versions stand in ``testbed/<server>/go.mod`` and nowhere else.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

from bootstrap.lab.resources import folder

_STRIPPED = "-s -w"
_KUBERNETES_VERSION = (
    " -X k8s.io/component-base/version.gitVersion={v}"
    " -X k8s.io/component-base/version.gitMajor={major}"
    " -X k8s.io/component-base/version.gitMinor={minor}"
    " -X k8s.io/client-go/pkg/version.gitVersion={v}"
)


@dataclass(frozen=True, slots=True)
class Server:
    """A folder of ``testbed/``. ``renamed`` maps what Go calls a binary to what everybody else does;
    ``kept`` maps a name in the cache to a file of the module that is wanted beside the binary.
    ``minutes`` is what its first build takes on two cores."""

    name: str
    module: str
    binaries: tuple[str, ...]
    minutes: float = 1.0
    ldflags: str = _STRIPPED
    renamed: dict[str, str] = field(default_factory=dict, hash=False)
    kept: dict[str, str] = field(default_factory=dict, hash=False)

    @property
    def folder(self) -> Path:
        return folder("testbed") / self.name

    @property
    def version(self) -> str:
        """As the module tags it, with the ``v``."""
        text = (self.folder / "go.mod").read_text(encoding="utf-8")
        found = re.search(rf"^(?:require)?\s+{re.escape(self.module)} (v\S+)", text, re.MULTILINE)
        assert found, f"testbed/{self.name}/go.mod does not require {self.module}"
        return found[1]

    def linker_flags(self) -> str:
        major, minor, *_ = self.version.removeprefix("v").split(".")
        return self.ldflags.format(v=self.version, major=major, minor=minor)


KUBERNETES = Server(
    "kubernetes",
    "k8s.io/kubernetes",
    (
        "kubeadm",
        "kubelet",
        "kubectl",
        "kube-apiserver",
        "kube-controller-manager",
        "kube-scheduler",
        "kube-proxy",
    ),
    minutes=11,
    ldflags=_STRIPPED + _KUBERNETES_VERSION,
)
VAULT = Server("vault", "github.com/hashicorp/vault", ("vault",), minutes=8)
EXTERNAL_SECRETS = Server(
    "external-secrets",
    "github.com/external-secrets/external-secrets",
    ("external-secrets",),
    minutes=4.5,
    kept={"crds.yaml": "deploy/crds/bundle.yaml"},
)
# The command is the root of its module, so Go names it after the folder.
ETCD = Server("etcd", "go.etcd.io/etcd/server/v3", ("etcd",), renamed={"server": "etcd"})
COREDNS = Server("coredns", "github.com/coredns/coredns", ("coredns",), minutes=2.5)
LOCAL_PATH = Server(
    "local-path-provisioner", "github.com/rancher/local-path-provisioner", ("local-path-provisioner",)
)
SOPS = Server("sops", "github.com/getsops/sops/v3", ("sops", "age", "age-keygen"))

KIND = Server("kind", "sigs.k8s.io/kind", ("kind",))
REGISTRY = Server("registry", "github.com/distribution/distribution/v3", ("registry",))

VERSITYGW = Server("versitygw", "github.com/versity/versitygw", ("versitygw",))

# Enforces network policies where a test asks for it: a lab's own network leaves each pod open.
KUBE_ROUTER = Server("kube-router", "github.com/cloudnativelabs/kube-router/v2", ("kube-router",), minutes=3)

# A main package of ours in that folder: the modules bring none with these parts alone.
OTELCOL = Server("otelcol", "go.opentelemetry.io/collector/otelcol", ("otelcol",), minutes=2.6)

# Slowest first: they are built two at a time.
LAB = (KUBERNETES, VAULT, EXTERNAL_SECRETS, COREDNS, LOCAL_PATH, ETCD)
ALL = (*LAB, SOPS, KIND, REGISTRY, VERSITYGW, KUBE_ROUTER, OTELCOL)
