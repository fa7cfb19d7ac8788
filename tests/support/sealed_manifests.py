"""Manifests of Secrets, one and several in a file, whose values are a canary."""

CANARY = "canary-3f70aa"
MANIFEST = f"""\
apiVersion: v1
kind: Secret
metadata: {{name: app, namespace: team}}
stringData:
  user: app
  session: {CANARY}
"""
SEVERAL = f"""\
# the first
{MANIFEST}---
apiVersion: v1
kind: Secret
metadata: {{name: second, namespace: team}}
stringData: {{token: {CANARY}-2}}
data: {{raw: /wA=}}
---
plain: {{a: {CANARY}-3, list: [x, {{b: y}}], empty: "", no: null}}
"""
