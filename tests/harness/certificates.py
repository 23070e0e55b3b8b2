"""Certificates for tests, made when they are needed by the `openssl` program.

None is kept in the repository: a kept one expires, and a kept key is a bad example.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from cluster.transport.tls import TlsContexts, load_tls

OPENSSL = shutil.which("openssl")
WITHOUT_OPENSSL = "the openssl program, which makes the certificates, is not installed"


class Authority:
    """Signs certificates in a directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self.certificate = directory / "authority.pem"
        self._key = directory / "authority.key"
        _openssl(
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
            "-nodes", "-days", "2", "-subj", "/CN=Test authority",
            "-keyout", self._key, "-out", self.certificate,
        )  # fmt: skip

    def issue(self, name: str, *, trusts: Authority | None = None) -> TlsContexts:
        """Contexts of a node with a certificate of this authority, and who it trusts."""
        key, request, certificate = (
            self._directory / f"{name}.{kind}" for kind in ("key", "csr", "pem")
        )
        _openssl(
            "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
            "-nodes", "-subj", f"/CN={name}", "-keyout", key, "-out", request,
        )  # fmt: skip
        _openssl(
            "x509", "-req", "-days", "2", "-CA", self.certificate, "-CAkey", self._key,
            "-CAcreateserial", "-in", request, "-out", certificate,
        )  # fmt: skip
        trusted = (self if trusts is None else trusts).certificate
        return load_tls(certificate=str(certificate), key=str(key), authority=str(trusted))


def _openssl(*arguments: str | Path) -> None:
    assert OPENSSL is not None, WITHOUT_OPENSSL
    subprocess.run([OPENSSL, *arguments], check=True, capture_output=True)
