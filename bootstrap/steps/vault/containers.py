"""The containers of a Vault pod: Vault, what unseals it, what renews its certificate, what recovers its raft (G4, G7).

They share a socket in memory, on which Vault answers without TLS: no port-forward and no other pod reaches it, and a
certificate that has expired locks none of them out. Nothing here may ask `vault` often: each start of it costs some
hundred of the looks below (docs/adr/0016-idle-unsealer.md, docs/adr/0019-certificates.md).
"""

from typing import Any, Final

from bootstrap.model.catalog import VaultSpec
from bootstrap.model.recovery import Recovery
from bootstrap.steps.context.names import AUDIT_FILE, PKI_MOUNT, POD_LOGIN, RENEWER

API_PORT, RAFT_PORT = 8200, 8201
SOCKET: Final = "/vault/socket/vault.sock"
AUDIT_KEPT: Final = 8  # parts of the audit log beside the one that is written
TOKEN_SECONDS: Final = (
    600  # the least that Kubernetes gives; until then Vault takes it, of a pod that is gone too
)
SERVED: Final = (
    "/vault/leaf/served.pem"  # key, certificate and intermediate in one file: it is replaced as one
)

# Vault listens on its raft port only while it is unsealed, and the containers of a pod see each other's sockets: 2009
# is 8201, 0A is LISTEN.
UNSEALED = "grep -qs ':2009 0*:0000 0A ' /proc/net/tcp /proc/net/tcp6"

UNSEALER = f"""\
trap exit TERM
seen=
looks=0
while true; do
  looks=$((looks + 1))
  if [ $looks -ge 60 ] || ! {UNSEALED}; then
    looks=0
    vault status >/dev/null 2>&1
    if [ $? -eq 2 ]; then
      for key in /unseal/*; do
        [ -s "$key" ] && vault write sys/unseal key=@"$key" >/dev/null 2>&1 && break
      done
    fi
  fi
  keys=$(ls /unseal)
  if [ "$keys" != "$seen" ]; then seen=$keys; echo "keys:" $keys; fi
  sleep 1 & wait
done
"""

# Raft takes this list of voters for its own when Vault is unsealed, and removes it then. It is written once in a
# recovery: a pod that starts again later, with others voting, must not make itself the only voter. A volume without a
# raft folder is another one than that which was seen.
PEERS = f"""\
umask 077
raft=/vault/data/raft
mark=/vault/data/recovered-$RECOVERY
[ "$POD" = "$SURVIVOR" ] && [ -d $raft ] && [ ! -e $mark ] || exit 0
echo '[{{"id":"'$POD'","address":"'$POD'.vault-internal:{RAFT_PORT}","non_voter":false}}]' >$raft/peers.new || exit 1
mv $raft/peers.new $raft/peers.json && sync && : >$mark
"""

# Vault takes this process over, so that it gets the signals of the kubelet itself. What is left beside it sees a
# certificate that another container has put there, and has Vault read it; and it cuts the audit log: Vault writes on
# into the file that was renamed until it gets the signal, so no line is lost or doubled. The digest of a file is taken
# one look later, when nothing writes to it any more; what each part is now, when any of them changes, and once an hour.
SERVER = f"""\
umask 077
served={SERVED}
[ -s $served ] || {{ cat /vault/tls/$POD.key /vault/tls/$POD.crt >$served.first && mv $served.first $served; }}
turn=/vault/leaf/turn
seen=$(cat $turn 2>/dev/null)
cut() {{
  size=$(stat -c %s {AUDIT_FILE} 2>/dev/null)
  [ ${{size:-0}} -ge $AUDIT_PART ] || return 0
  to=/vault/audit/audit-$(date -u +%Y%m%dT%H%M%SZ).log
  [ -e $to ] || {{ mv {AUDIT_FILE} $to && kill -HUP 1; }}
}}
digests() {{
  for each in /vault/audit/audit-*.log; do
    [ -e $each ] && [ ! -e $each.sha256 ] || continue
    (cd /vault/audit && sha256sum ${{each##*/}} >$each.new && mv $each.new $each.sha256)
  done
}}
oldest() {{
  set -- /vault/audit/audit-*.log
  while [ $# -gt {AUDIT_KEPT} ]; do rm -f $1 $1.sha256; shift; done
}}
parts() {{
  for each in /vault/audit/audit-*.log; do
    [ -e $each.sha256 ] || continue
    set -- $(sha256sum $each)
    echo "${{each##*/}}=$1"
  done
}}
used() {{ set -- $(df -P $1 2>/dev/null | tail -n 1); echo ${{5:-unknown}}; }}
(
  looks=0
  age=0
  known=none
  while sleep 2; do
    now=$(cat $turn 2>/dev/null)
    if [ "$now" != "$seen" ]; then
      seen=$now
      kill -HUP 1
    fi
    looks=$((looks + 1))
    if [ $looks -ge 5 ]; then
      looks=0
      digests; oldest; cut
      age=$((age + 1))
      kept=$(ls -l /vault/audit/audit-* 2>/dev/null)
      if [ "$kept" != "$known" ] || [ $age -ge 360 ]; then
        age=0
        known=$kept
        echo $(parts) >/vault/leaf/parts.new && mv /vault/leaf/parts.new /vault/leaf/parts
      fi
      echo "data $(used /vault/data), audit $(used /vault/audit)" >/vault/leaf/used.new
      mv /vault/leaf/used.new /vault/leaf/used
    fi
  done
) 2>/dev/null &
exec vault server -config=/vault/config/$POD.json
"""

# ``until`` is when what is served ends, ``due`` when it is renewed, both in seconds since 1970. What `up` says of the
# CA in Vault (``issuer``) makes it due at once, once each. That Vault serves it is seen by a request that trusts this
# one certificate alone. One that is refused asks again soon for some minutes, in which `up` lets it in on its road.
RENEWER_SCRIPT = f"""\
trap exit TERM
umask 077
leaf=/vault/leaf
own=/vault/renewer
read_number() {{ number=$(cat $1 2>/dev/null); echo ${{number:-0}}; }}
put() {{ echo "$2" >$1.new && mv $1.new $1; }}
serve() {{
  mv $leaf/next {SERVED} && put $leaf/until $1 && put $leaf/due $2 && put $leaf/turn $(date +%s).$1
  sed -n '/BEGIN CERTIFICATE/,/END CERTIFICATE/p;/END CERTIFICATE/q' {SERVED} >$own/served.crt
  tries=0
  while [ $tries -lt 10 ]; do
    sleep 3 & wait
    VAULT_ADDR=https://localhost:{API_PORT} VAULT_CACERT=$own/served.crt vault status >/dev/null 2>&1
    if [ $? -ne 1 ]; then echo "serves a certificate until $(date -d @$1 2>/dev/null || echo $1)"; return 0; fi
    tries=$((tries + 1))
  done
  echo "Vault does not serve the certificate that ends $1"
  put $leaf/due 0
  return 1
}}
issued() {{
  vault write -field=token auth/{POD_LOGIN}/login role={RENEWER}-$POD jwt=@/vault/token/token \\
    >$HOME/.vault-token 2>$own/why || return 1
  vault write -format=json {PKI_MOUNT}/issue/$POD common_name=$POD.vault-internal "alt_names=$NAMES" \\
    format=pem_bundle >$own/issued 2>$own/why
  got=$?
  vault token revoke -self >/dev/null 2>&1
  rm -f $HOME/.vault-token
  return $got
}}
renewed() {{
  issued || return 1
  text=$(sed -n 's/^ *"certificate": "\\(.*\\)",*$/\\1/p' $own/issued)
  ends=$(sed -n 's/^ *"expiration": \\([0-9]*\\),*$/\\1/p' $own/issued)
  rm -f $own/issued
  [ -n "$text" ] && [ -n "$ends" ] || return 1
  printf '%b' "$text" >$leaf/next
  now=$(date +%s)
  put $leaf/issuer "$asked"
  serve $ends $((now + (ends - now) * 2 / 3))
}}
is_due() {{
  [ $now -ge $(read_number $leaf/due) ] || [ "$asked" != "$(cat $leaf/issuer 2>/dev/null)" ]
}}
failed=0
next=0
shown=
while true; do
  now=$(date +%s)
  used=$(cat $leaf/used 2>/dev/null)
  parts=$(cat $leaf/parts 2>/dev/null)
  if [ "$used $parts" != "$shown" ]; then
    echo "volumes: $used"
    echo "parts: $parts"
    shown="$used $parts"
  fi
  if [ $(read_number $leaf/until) -le $now ]; then
    first=$(read_number /vault/tls/$POD.until)
    if [ $first -gt $now ] && [ $first != "$(read_number $leaf/until)" ]; then
      cat /vault/tls/$POD.key /vault/tls/$POD.crt >$leaf/next && serve $first 0
    fi
  fi
  asked=$(cat /vault/tls/issuer 2>/dev/null)
  if is_due && [ $now -ge $next ] && {UNSEALED}; then
    if renewed; then failed=0; else
      failed=$((failed + 1))
      echo "not renewed: $(tail -n 1 $own/why 2>/dev/null)"
      if [ $failed -lt 30 ]; then next=0; elif [ $failed -lt 40 ]; then next=$((now + 20)); else next=$((now + 300)); fi
    fi
  fi
  pause=10
  if is_due && [ $now -ge $next ]; then pause=3; fi
  sleep $pause & wait
done
"""


# What the kubelet asks the renewer, for what it says of a no: an Event on the pod, one that counts. It may answer no
# for as long as it likes: nothing restarts.
FULL: Final = 80  # percent of a volume from which it is warned
VOLUMES_PROBE = f"""\
set -- $(cat /vault/leaf/used 2>/dev/null)
full=
while [ $# -ge 2 ]; do
  percent=${{2%%%*}}
  case $percent in *[!0-9]*) ;; *) [ $percent -lt {FULL} ] || full="$full $1 $percent %" ;; esac
  shift 2
done
[ -z "$full" ] || {{ echo "volumes that are soon full:$full"; exit 1; }}
"""
WARNING: Final = {
    "exec": {"command": ["sh", "-c", VOLUMES_PROBE]},
    "periodSeconds": 300,
    "timeoutSeconds": 10,
    "failureThreshold": 1_000_000,  # nine years of it, and then a renewer begins anew
}


def vault(spec: VaultSpec, *, serving: bool) -> dict[str, Any]:
    # 200 of an unsealed node, active or standby; 501 and 503 before. The kubelet looks at no certificate.
    health = {"path": "/v1/sys/health?standbyok=true&perfstandbyok=true", "port": API_PORT, "scheme": "HTTPS"}
    probe = {"httpGet": health, "periodSeconds": 3, "timeoutSeconds": 3}
    # The kubelet puts the pod's name in, so each pod reads its own file.
    command = ["sh", "-c", SERVER] if serving else ["vault", "server", "-config=/vault/config/$(POD).json"]
    shared = [*_mounts("leaf", "socket")] if serving else []
    parts = [{"name": "AUDIT_PART", "value": str(spec.audit_part)}] if serving else []
    return {
        "name": "vault",
        "image": spec.image,
        "imagePullPolicy": "IfNotPresent",
        "command": command,
        "env": [
            *_environment(f"https://localhost:{API_PORT}"),
            {"name": "VAULT_CACERT", "value": "/vault/tls/ca.crt"},
            {"name": "SKIP_SETCAP", "value": "true"},
            *parts,
        ],
        "ports": [
            {"name": "https", "containerPort": API_PORT},
            {"name": "raft", "containerPort": RAFT_PORT},
        ],
        "readinessProbe": probe,
        "resources": {"requests": {"cpu": spec.cpu, "memory": spec.memory}},
        "securityContext": _locked_down(),
        "volumeMounts": [
            {"name": "config", "mountPath": "/vault/config", "readOnly": True},
            {"name": "tls", "mountPath": "/vault/tls", "readOnly": True},
            {"name": "data", "mountPath": "/vault/data"},
            {"name": "audit", "mountPath": "/vault/audit"},
            {"name": "home", "mountPath": "/home/vault"},
            *shared,
        ],
    }


def peers(spec: VaultSpec, recovery: Recovery) -> dict[str, Any]:
    """Before Vault runs: the node that is left of a lost quorum is the only voter."""
    made = _sidecar(spec, "peers", PEERS, [{"name": "data", "mountPath": "/vault/data"}])
    named = {"SURVIVOR": recovery.pod, "RECOVERY": recovery.nonce}
    made["env"] += [{"name": name, "value": value} for name, value in named.items()]
    return made


def unsealer(spec: VaultSpec) -> dict[str, Any]:
    mounts: list[dict[str, Any]] = [
        {"name": "unseal", "mountPath": "/unseal", "readOnly": True},
        {"name": "home", "mountPath": "/home/vault"},
        *_mounts("socket"),
    ]
    return _sidecar(spec, "unsealer", UNSEALER, mounts)


def renewer(spec: VaultSpec, names: str) -> dict[str, Any]:
    """``names`` are those of the certificate, the pod's own as ``$(POD)``."""
    mounts: list[dict[str, Any]] = [
        {"name": "token", "mountPath": "/vault/token", "readOnly": True},
        {"name": "tls", "mountPath": "/vault/tls", "readOnly": True},
        *_mounts("leaf", "renewer", "socket"),
    ]
    made = _sidecar(spec, "renewer", RENEWER_SCRIPT, mounts, home="/vault/renewer")
    made["env"].append({"name": "NAMES", "value": names})
    return made | {"livenessProbe": WARNING}


def serving_volumes() -> list[dict[str, Any]]:
    """What the containers of a serving pod share, and the token by which the renewer alone logs in."""
    token = {"audience": RENEWER, "expirationSeconds": TOKEN_SECONDS, "path": "token"}
    return [
        *(
            {"name": name, "emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}}
            for name in ("leaf", "renewer", "socket")
        ),
        {
            "name": "token",
            "projected": {"defaultMode": 0o440, "sources": [{"serviceAccountToken": token}]},
        },
    ]


def _sidecar(
    spec: VaultSpec, name: str, script: str, mounts: list[dict[str, Any]], home: str = "/home/vault"
) -> dict[str, Any]:
    return {
        "name": name,
        "image": spec.image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["sh", "-c", script],
        "env": _environment(f"unix://{SOCKET}", home),
        "resources": {"requests": {"cpu": "10m", "memory": "64Mi"}},
        "securityContext": _locked_down(),
        "volumeMounts": mounts,
    }


def _mounts(*names: str) -> list[dict[str, Any]]:
    return [{"name": name, "mountPath": f"/vault/{name}"} for name in names]


def _environment(address: str, home: str = "/home/vault") -> list[dict[str, Any]]:
    return [
        {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        {"name": "VAULT_ADDR", "value": address},
        {"name": "HOME", "value": home},
    ]


def _locked_down() -> dict[str, Any]:
    return {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
