"""A drill's report without a drill."""

from typing import Any

from bootstrap.operations.drill.report import Report


def report(**more: Any) -> Report:
    """An equal one; ``more`` are sections in the place of its own."""
    step = {"id": "a", "title": "It runs", "milliseconds": 1500, "acted": True, "note": "", "waits": []}
    proof = {
        "id": "values",
        "requirement": "H4",
        "title": "version 1 is what its record commits to",
        "state": "holds",
        "ok": True,
        "evidence": "7 compared",
        "hint": "",
    }
    content: dict[str, Any] = {
        "outcome": "equal",
        "platform": "platform",
        "environment": "",
        "who": "kubernetes-admin",
        "begun": "2026-01-02T00:00:00Z",
        "ended": "2026-01-02T00:02:00Z",
        "cluster": "throw-away",
        "commit": "c" * 40,
        "plan": "sha256:" + "d" * 64,
        "snapshot": {
            "file": "one.snapshot",
            "sha256": "a" * 64,
            "time": "2026-01-01T00:00:00Z",
            "cluster": "lost",
            "vaultCluster": "vault",
            "raftIndex": 77,
            "raftTerm": 3,
            "generation": 1,
            "records": 30,
            "lastRecord": "b" * 64,
            "lastRecordTime": "2026-01-01T00:00:00Z",
        },
        "versions": {"bootstrap": "0.1.0", "kubernetes": "v1.34.4", "vault": "1.21.1", "snapshotBy": "0.1.0"},
        "rto": {
            "milliseconds": 61500,
            "waitedMilliseconds": 50000,
            "waits": [
                {"id": "pods", "title": "pods start and become ready", "milliseconds": 4000},
                {
                    "id": "force",
                    "title": "Vault puts the snapshot in its place, and sleeps",
                    "milliseconds": 6000,
                },
            ],
            "proofsMilliseconds": 900,
            "comparisonMilliseconds": 80,
            "phases": [{"id": "30", "title": "Runtime authority", "milliseconds": 1500, "steps": [step]}],
        },
        "rpo": {
            "raftIndex": 77,
            "ageSeconds": 86400,
            "secondsBehind": 3700,
            "recordsBehind": 2,
            "newestHead": {"place": "records/lost/head.json", "records": 32, "time": "2026-01-01T01:01:40Z"},
            "notInIt": ["late"],
        },
        "secrets": {
            "secrets": 7,
            "versions": 8,
            "differing": [],
            "noLongerKept": [{"name": "old", "version": 1}],
        },
        "proofs": [proof],
        "leftOut": {
            "pushSecrets": 1,
            "workloadFolders": 1,
            "snapshots": True,
            "ofVault": "2 tokens",
            "egressTo": ["10.0.0.7/32"],
        },
    }
    return Report(content=content | more)


def differing() -> Report:
    """One secret differs, in a field, and Vault lost the newest version of another."""
    found = [
        {"name": "webhook", "version": 2, "fields": ["url"], "lost": False},
        {"name": "gone", "version": 1, "fields": [], "lost": True},
    ]
    secrets = {"secrets": 7, "versions": 8, "differing": found, "noLongerKept": []}
    return report(outcome="differs", secrets=secrets)
