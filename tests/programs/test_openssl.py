"""What we issue, judged by OpenSSL's own program."""

import subprocess
from pathlib import Path

from bootstrap.adapters.root import derived_keys as keys


def test_openssl_takes_the_chain_strictly(tmp_path: Path) -> None:
    key, certificate = keys.generate_ca()
    leaf, _ = keys.CertificateAuthority(key, certificate).issue(["v" * 63 + ".example"])
    (tmp_path / "ca").write_bytes(certificate)
    (tmp_path / "leaf").write_bytes(leaf)
    command = ["openssl", "verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", "ca", "leaf"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
