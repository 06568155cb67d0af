"""Every example of the README and of the pages it leads to runs as it stands, in its order, with the real service."""

from __future__ import annotations

import os
import pathlib
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator

import pytest
from conftest import Service

import stele
import stele.trace
from stele import Ledger

HOME = pathlib.Path(__file__).parent.parent
PAGES = sorted(file.name for file in (HOME / "docs").glob("*.md"))
# The address that examples name, and how they are run: as somebody types them, where `stele` and `stele-py` are.
ADDRESS = "http://127.0.0.1:8080"
SHELL = 'stele() { "$STELE_BINARY" "$@"; }\nstele-py() { "$PYTHON" -m stele.cli "$@"; }\n'


def blocks(page: str) -> Iterator[tuple[str, str]]:
    text = (HOME / page).read_text(encoding="utf-8")
    yield from re.findall(r"^```(sh|python)\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def run(service: Service, page: str, part: slice = slice(None)) -> int:
    """Runs the examples of a page: the Python ones share their names, the others a folder."""
    names: dict[str, object] = {"__name__": page}
    ran = 0
    for language, block in list(blocks(page))[part]:
        example = block.replace(ADDRESS, service.url)
        if language == "python":
            exec(compile(example, page, "exec", dont_inherit=True), names)
        elif "pip install" not in example:
            environment = {
                **os.environ,
                "PYTHON": sys.executable,
                "PYTHONPATH": str(pathlib.Path(stele.__file__).parent.parent),
                "STELE_BINARY": service.program,
            }
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", SHELL + example],
                env=environment, capture_output=True, text=True, check=False, timeout=60,
            )  # fmt: skip
            assert done.returncode == 0, f"{example}\n{done.stdout}{done.stderr}"
        ran += 1
    for ledger in [value for value in names.values() if isinstance(value, Ledger)]:
        ledger.close()
    return ran


@pytest.fixture
def folder(service: Service, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[pathlib.Path]:
    """Where the operator's log is `my-log`, and a key was let in as the README says."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith(("STELE_URL", "STELE_KEY"))]:
        monkeypatch.delenv(name)
    (tmp_path / "my-log").symlink_to(service.data)
    yield tmp_path
    stele.trace.use(None)


@pytest.mark.service
def test_the_readme(service: Service, folder: pathlib.Path, capfd: pytest.CaptureFixture[str]) -> None:
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415
        Encoding,
        PublicFormat,
        load_pem_private_key,
    )

    assert run(service, "README.md", slice(2)) == 2
    private = load_pem_private_key((folder / "issuer.pem").read_bytes(), None)
    public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (folder / "issuer.pub").write_bytes(public)
    assert run(service, "README.md", slice(2, None)) == 7
    said = capfd.readouterr().out
    assert "Refused('Rejected" in said or "Rejected" in said
    assert "refused: Unknown Issuer Key" in said
    assert list((folder / "proofs").iterdir())


@pytest.mark.service
@pytest.mark.parametrize("page", PAGES)
def test_each_page(service: Service, folder: pathlib.Path, page: str) -> None:
    assert run(service, "README.md", slice(2)) == 2
    assert run(service, f"docs/{page}") >= 2
    assert folder.exists()


def test_every_system_has_its_page_and_both_readmes_lead_there() -> None:
    assert PAGES == ["agent-evidence.md", "agent-trace.md", "aigp.md", "iatp.md", "trace.md"]
    assert {page.removesuffix(".md") for page in PAGES} == stele.SYSTEMS
    readme = (HOME / "README.md").read_text(encoding="utf-8")
    assert all(f"(docs/{page})" in readme for page in PAGES)
    for page in PAGES:
        assert "(../README.md#let-a-key-in)" in (HOME / "docs" / page).read_text(encoding="utf-8")
    assert shutil.which("bash")
