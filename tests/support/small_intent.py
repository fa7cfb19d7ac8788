"""An intent of a few entries, made without a repository."""

from bootstrap.model.catalog import (
    BootstrapCopy,
    Consumer,
    ExternalSecrets,
    Handover,
    Intent,
    Internal,
    InternalSource,
    Platform,
    Renew,
    Secret,
    SecretClass,
    Source,
    VaultSpec,
)


def an_intent() -> Intent:
    secrets = (
        Secret(
            name="zeta",
            secret_class=SecretClass.RUNTIME,
            owner="team",
            purpose="a test",
            where="secrets/a.yaml:1",
            source=Source(file="encrypted/z.sops.yaml"),
            path="applications/demo/zeta",
            handover=Handover(renew=Renew.GENERATE),
            consumers=(Consumer(namespace="demo", secret="zeta"),),
        ),
        Secret(
            name="alpha",
            secret_class=SecretClass.BOOTSTRAP,
            owner="team",
            purpose="a test",
            where="secrets/a.yaml:9",
            source=Source(file="encrypted/a.age"),
            path="platform/demo/alpha",
            scaffold=BootstrapCopy(namespace="gitops", name="alpha-bootstrap"),
        ),
    )
    internal = Internal(
        name="database",
        kind="InternalSecret",
        owner="team",
        purpose="a test",
        where="secrets/b.yaml:1",
        source=InternalSource(namespace="postgres", secret="made"),
        path="platform-data/postgres/demo",
        properties={"user": "username"},
        consumers=(Consumer(namespace="demo", secret="database"),),
    )
    return Intent(
        commit="c" * 40,
        tree="d" * 40,
        platform=Platform(
            name="demo",
            where="bootstrap.yaml:1",
            vault=VaultSpec(version="1.21.1", image="docker.io/hashicorp/vault:1.21.1"),
            external_secrets=ExternalSecrets(
                manifests="manifests/external-secrets",
                deployment="external-secrets/external-secrets",
                service_account="external-secrets/external-secrets",
            ),
        ),
        secrets=secrets,
        internals=(internal,),
        keys={},
        manifests={},
        blobs={"encrypted/a.age": "e" * 40},
    )
