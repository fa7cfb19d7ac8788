"""What ours may do in Vault, as policy text, and no more (S2).

``RUN`` is the daily identity of `up`, `status` and `verify`: handover and census. It writes no policy, role, identity,
mount or audit device, so that it cannot make itself more than it is; it removes no secret and no metadata. It reads
what others' policies, roles, users, entities and groups allow, to name who can change a secret (INV6): no credential
is among that. It reads every value, to compare it (B6, INV3, INV7).

``CONFIGURE`` is of a token that lives for one change of the configuration (``configuring.py``): our own leaves alone.
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
path "secret/config" { capabilities = ["read"] }
path "secret/data/*" { capabilities = ["create", "update", "read"] }
path "secret/metadata/*" { capabilities = ["create", "update", "read", "list"] }
path "secret/metadata" { capabilities = ["list"] }
"""

CONFIGURE = """\
# a configuring token: the leaves that `bootstrap up` declares
path "sys/audit" { capabilities = ["read", "sudo"] }
path "sys/audit/file" { capabilities = ["create", "update", "sudo"] }
path "sys/config/auditing/request-headers" { capabilities = ["read", "sudo"] }
path "sys/config/auditing/request-headers/X-Bootstrap-Txn" { capabilities = ["create", "update", "sudo"] }
path "sys/auth" { capabilities = ["read"] }
path "sys/auth/kubernetes" { capabilities = ["create", "update", "sudo"] }
path "auth/kubernetes/config" { capabilities = ["create", "update", "read"] }
path "auth/kubernetes/role/bootstrap-run" { capabilities = ["create", "update", "read"] }
path "auth/kubernetes/role/external-secrets" { capabilities = ["create", "update", "read"] }
path "sys/policies/acl/bootstrap-run" { capabilities = ["create", "update", "read"] }
path "sys/policies/acl/reader-*" { capabilities = ["create", "update", "read"] }
path "sys/policies/acl/pusher-*" { capabilities = ["create", "update", "read"] }
path "sys/mounts" { capabilities = ["read"] }
path "sys/mounts/secret" { capabilities = ["create", "update", "read"] }
path "identity/entity/name/ns-*" { capabilities = ["create", "update", "read"] }
path "identity/entity-alias" { capabilities = ["create", "update"] }
path "auth/token/revoke-self" { capabilities = ["update"] }
"""


def reader(paths: tuple[str, ...]) -> str:
    """A namespace reads its own secrets and writes none (S3)."""
    rules = [f'path "secret/data/{p}" {{ capabilities = ["read"] }}\n' for p in paths]
    return "".join(rules)


def pusher(paths: tuple[str, ...]) -> str:
    """A namespace publishes its own internal secrets; the operator reads and marks their metadata (D2, D6)."""
    verbs = 'capabilities = ["create", "update", "read"]'
    rules = [f'path "secret/{kind}/{p}" {{ {verbs} }}\n' for p in paths for kind in ("data", "metadata")]
    return "".join(rules)
