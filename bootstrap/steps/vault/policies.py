"""What ours may do in Vault, as policy text, and no more (S2).

``RUN`` is the daily identity of `up`, `status` and `verify`: handover and census. It writes no policy, role, identity,
mount or audit device, so that it cannot make itself more than it is; it removes no secret and no metadata. It reads
what others' policies, roles, users, entities and groups allow, to name who can change a secret (INV6): no credential
is among that. It reads every value, to compare it (B6, INV3, INV7).

``saver`` is of the identity that saves snapshots, which is neither of the others; ``job`` is of the one that does so
in the cluster.

``renewing`` is of what renews a Vault's certificate, beside it.

``CONFIGURE`` is of a token that lives for one change of the configuration (``configuring.py``): our own leaves alone,
and the rotation of Vault's barrier key.
"""

RUN = """\
# the run's identity: handover, census
path "sys/audit" { capabilities = ["read", "sudo"] }
path "sys/audit-hash/file" { capabilities = ["update"] }
path "sys/config/auditing/request-headers" { capabilities = ["read", "sudo"] }
path "sys/auth" { capabilities = ["read"] }
path "sys/mounts" { capabilities = ["read"] }
path "sys/policies/acl" { capabilities = ["list"] }
path "sys/policies/acl/*" { capabilities = ["read"] }
path "sys/capabilities-self" { capabilities = ["update"] }
path "sys/storage/raft/configuration" { capabilities = ["read", "sudo"] }
path "sys/storage/raft/autopilot/state" { capabilities = ["read"] }
path "auth/kubernetes/config" { capabilities = ["read"] }
path "auth/vault-pods/config" { capabilities = ["read"] }
path "auth/kubernetes/role" { capabilities = ["list"] }
path "auth/+/role" { capabilities = ["list"] }
path "auth/+/role/+" { capabilities = ["read"] }
path "auth/+/users" { capabilities = ["list"] }
path "auth/+/users/+" { capabilities = ["read"] }
path "auth/+/groups" { capabilities = ["list"] }
path "auth/+/groups/+" { capabilities = ["read"] }
path "auth/+/certs" { capabilities = ["list"] }
path "auth/+/certs/+" { capabilities = ["read"] }
path "auth/token/roles" { capabilities = ["list"] }
path "auth/token/roles/+" { capabilities = ["read"] }
path "auth/token/accessors" { capabilities = ["list", "sudo"] }
path "auth/token/lookup-accessor" { capabilities = ["update"] }
path "auth/token/revoke-accessor" { capabilities = ["update"] }
path "auth/token/lookup-self" { capabilities = ["read"] }
path "auth/token/revoke-self" { capabilities = ["update"] }
path "identity/entity/name" { capabilities = ["list"] }
path "identity/entity/name/*" { capabilities = ["read"] }
path "identity/group/name" { capabilities = ["list"] }
path "identity/group/name/*" { capabilities = ["read"] }
path "identity/entity-alias/id" { capabilities = ["list"] }
path "identity/lookup/entity" { capabilities = ["update"] }
path "vault-pki/config/issuers" { capabilities = ["read"] }
path "vault-pki/issuer/default" { capabilities = ["read"] }
path "vault-pki/roles/+" { capabilities = ["read"] }
path "secret/config" { capabilities = ["read"] }
path "secret/data/*" { capabilities = ["create", "update", "read"] }
path "secret/metadata/*" { capabilities = ["create", "update", "read", "list"] }
path "secret/metadata" { capabilities = ["list"] }
path "bootstrap-transit/keys/countersign" { capabilities = ["read"] }
path "bootstrap-transit/sign/countersign" { capabilities = ["update"] }
path "bootstrap-transit/keys/+/config" { capabilities = ["deny"] }
"""

CONFIGURE = """\
# a configuring token: the leaves that `bootstrap up` declares
path "sys/audit" { capabilities = ["read", "sudo"] }
path "sys/audit/file" { capabilities = ["create", "update", "delete", "sudo"] }
path "sys/audit/stdout" { capabilities = ["create", "update", "delete", "sudo"] }
path "sys/config/auditing/request-headers" { capabilities = ["read", "sudo"] }
path "sys/config/auditing/request-headers/X-Bootstrap-Txn" { capabilities = ["create", "update", "sudo"] }
path "sys/auth" { capabilities = ["read"] }
path "sys/auth/kubernetes" { capabilities = ["create", "update", "sudo"] }
path "auth/kubernetes/config" { capabilities = ["create", "update", "read"] }
path "auth/kubernetes/role/bootstrap-run" { capabilities = ["create", "update", "read"] }
path "auth/kubernetes/role/bootstrap-snapshot" { capabilities = ["create", "update", "read"] }
path "auth/kubernetes/role/bootstrap-snapshot-job" { capabilities = ["create", "update", "read", "delete"] }
path "auth/kubernetes/role/external-secrets" { capabilities = ["create", "update", "read"] }
path "sys/policies/acl/bootstrap-run" { capabilities = ["create", "update", "read"] }
path "sys/policies/acl/bootstrap-snapshot" { capabilities = ["create", "update", "read"] }
path "auth/kubernetes/role/vault-renewer-*" { capabilities = ["read", "delete"] }
path "sys/auth/vault-pods" { capabilities = ["create", "update", "sudo"] }
path "auth/vault-pods/config" { capabilities = ["create", "update", "read"] }
path "auth/vault-pods/role/vault-renewer-*" { capabilities = ["create", "update", "read"] }
path "sys/policies/acl/vault-renewer-*" { capabilities = ["create", "update", "read"] }
path "sys/policies/acl/bootstrap-snapshot-job" { capabilities = ["create", "update", "read", "delete"] }
path "sys/policies/acl/reader-*" { capabilities = ["create", "update", "read"] }
path "sys/policies/acl/pusher-*" { capabilities = ["create", "update", "read"] }
path "sys/mounts" { capabilities = ["read"] }
path "sys/mounts/secret" { capabilities = ["create", "update", "read"] }
path "sys/mounts/bootstrap-transit" { capabilities = ["create", "update", "read"] }
path "bootstrap-transit/keys/countersign" { capabilities = ["create", "update", "read"] }
path "bootstrap-transit/keys/+/config" { capabilities = ["deny"] }
path "sys/rotate" { capabilities = ["update", "sudo"] }
path "sys/key-status" { capabilities = ["read"] }
path "sys/mounts/vault-pki" { capabilities = ["create", "update", "read"] }
path "vault-pki/intermediate/generate/internal" { capabilities = ["create", "update"] }
path "vault-pki/intermediate/set-signed" { capabilities = ["create", "update"] }
path "vault-pki/config/issuers" { capabilities = ["create", "update", "read"] }
path "vault-pki/issuer/default" { capabilities = ["create", "update", "read"] }
path "vault-pki/roles/vault-*" { capabilities = ["create", "update", "read"] }
path "identity/entity/name/ns-*" { capabilities = ["create", "update", "read"] }
path "identity/entity-alias" { capabilities = ["create", "update"] }
path "auth/token/revoke-self" { capabilities = ["update"] }
"""

# In each policy of ours, whatever else its bearer has: a key of Vault's is not made exportable or deletable.
KEPT = 'path "bootstrap-transit/keys/+/config" { capabilities = ["deny"] }\n'


def saver(paths: tuple[str, ...]) -> str:
    """What saves a snapshot reads Vault's store as ciphertext, the values of the bootstrap secrets at ``paths``, and
    writes nothing; Vault signs what it saved, and its token can end itself (S2)."""
    rules = [f'path "secret/data/{p}" {{ capabilities = ["read"] }}\n' for p in paths]
    return (
        'path "sys/storage/raft/snapshot" { capabilities = ["read"] }\n'
        'path "auth/token/revoke-self" { capabilities = ["update"] }\n'
        'path "bootstrap-transit/sign/countersign" { capabilities = ["update"] }\n' + "".join(rules) + KEPT
    )


def renewing(pod: str) -> str:
    """What renews one pod's certificate asks for that one and nothing else; its token can end itself (S2)."""
    return (
        f'path "vault-pki/issue/{pod}" {{ capabilities = ["create", "update"] }}\n'
        'path "auth/token/revoke-self" { capabilities = ["update"] }\n'
    )


def job(paths: tuple[str, ...]) -> str:
    """What saves snapshots in the cluster by itself: the same, and it sees which tokens live, with their policies, so
    that it saves none while a root token does (B5). It can end no token but its own."""
    return (
        saver(paths) + 'path "auth/token/accessors" { capabilities = ["list", "sudo"] }\n'
        'path "auth/token/lookup-accessor" { capabilities = ["update"] }\n'
    )


def reader(paths: tuple[str, ...]) -> str:
    """A namespace reads its own secrets and writes none (S3)."""
    rules = [f'path "secret/data/{p}" {{ capabilities = ["read"] }}\n' for p in paths]
    return "".join(rules) + KEPT


def pusher(paths: tuple[str, ...]) -> str:
    """A namespace publishes its own internal secrets; the operator reads and marks their metadata (D2, D6)."""
    verbs = 'capabilities = ["create", "update", "read"]'
    rules = [f'path "secret/{kind}/{p}" {{ {verbs} }}\n' for p in paths for kind in ("data", "metadata")]
    return "".join(rules) + KEPT
