"""A real service, where STELE_BINARY names the program; and what tests share."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from stele import Ledger, SigningKey

DATA = pathlib.Path(__file__).parent / "data"
READY_WITHIN = 60.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Service:
    """The program, one data folder, and the address it serves at."""

    def __init__(self, program: str, folder: pathlib.Path) -> None:
        self.program = program
        self.folder = folder
        self.data = folder / "log"
        self.address = f"127.0.0.1:{free_port()}"
        self.url = f"http://{self.address}"
        self.stele("init", self.data, "--service-url", self.url)
        self.token = folder / "acme-ci.token"
        digest = json.loads(self.stele("token", "new", "--json", self.token))["token_sha256"]
        self.configure("trace_batch_interval_s = 60", "trace_batch_interval_s = 1")
        producer = f'id = "acme-ci"\ndoors = ["evidence"]\ntoken_sha256 = ["{digest}"]\n'
        with (self.data / "stele.toml").open("a") as configuration:
            configuration.write(f"\n[[evidence.producers]]\n{producer}")

    def configure(self, standing: str, wanted: str) -> None:
        file = self.data / "stele.toml"
        settings = file.read_text()
        assert standing in settings
        file.write_text(settings.replace(standing, wanted))

    def stele(self, *arguments: str | pathlib.Path) -> str:
        command = [self.program, *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout

    @contextlib.contextmanager
    def serving(self, *, kill: bool = False) -> Iterator[None]:
        with (self.folder / "serve.log").open("ab") as log:
            command = [self.program, "serve", str(self.data), "--listen", self.address, "--private", "off"]
            process = subprocess.Popen(command, stdout=log, stderr=log)
            try:
                self._wait(process)
                yield
            finally:
                process.kill() if kill else process.terminate()
                process.wait(timeout=60)

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + READY_WITHIN
        while time.monotonic() < deadline:
            assert process.poll() is None, (self.folder / "serve.log").read_text()
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{self.url}/readyz", timeout=5) as answer:
                if answer.status == 200:
                    return
            time.sleep(0.05)
        raise AssertionError("the service was not ready in time")

    def operator(self, *arguments: str | pathlib.Path) -> None:
        operator = self.data / "keys" / "operator.pem"
        self.stele("policy", arguments[0], "--url", self.url, "--operator-key", operator, *arguments[1:])

    def trust(self, key: SigningKey, issuer: str | None = None) -> SigningKey:
        """Lets a key register, as an operator would; by default under its own name."""
        file = self.folder / f"{key.public.thumbprint.hex()}.pem"
        file.write_bytes(public_pem(key))
        self.operator("trust", "--issuer", issuer or key.public.did_key, "--key", file)
        return key

    def trust_inside(self, key: SigningKey, system: str, *options: str) -> SigningKey:
        """Lets the service trust signatures inside a system's records."""
        file = self.folder / f"{key.public.thumbprint.hex()}.pem"
        file.write_bytes(public_pem(key))
        self.operator("trust-inside", "--system", system, "--key", file, *options)
        return key


def public_pem(key: SigningKey) -> bytes:
    return key.private_key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def private_pem(key: SigningKey) -> bytes:
    return key.private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def keys_pem(ledger: Ledger) -> bytes:
    """The one key of the service, as somebody would keep it."""
    (key,) = ledger.keys._keys.values()
    return key._key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    program = os.environ.get("STELE_BINARY")
    if not program:
        if os.environ.get("CI") == "true":
            pytest.fail("STELE_BINARY names no program, and CI=true allows no skipped test")
        pytest.skip("STELE_BINARY names no program")
    service = Service(program, tmp_path_factory.mktemp("service"))
    with service.serving():
        yield service


@pytest.fixture(scope="session")
def key(service: Service) -> SigningKey:
    return service.trust(SigningKey.generate())


@pytest.fixture
def ledger(service: Service, key: SigningKey) -> Iterator[Ledger]:
    with urllib.request.urlopen(f"{service.url}/.well-known/scitt-keys", timeout=10) as answer:
        keys = answer.read()
    with Ledger(service.url, service_keys=keys, service=service.url, key=key) as ledger:
        yield ledger


@pytest.fixture
def data() -> pathlib.Path:
    return DATA
