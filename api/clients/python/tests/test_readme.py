"""Every example of the README runs as it stands, in its order."""

from __future__ import annotations

import os
import pathlib
import re
import subprocess
import sys
import time
import urllib.request

import pytest
from conftest import Service, private_pem
from test_trace import claims

import stele
import stele.trace
from stele import SigningKey

README = pathlib.Path(__file__).parent.parent / "README.md"


@pytest.mark.service
def test_the_readme(
    service: Service, data: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    key = service.trust_inside(service.trust(SigningKey.generate()), "trace")
    pathlib.Path("issuer.pem").write_bytes(private_pem(key))
    with urllib.request.urlopen(f"{service.url}/.well-known/scitt-keys", timeout=10) as answer:
        pathlib.Path("keys.cbor").write_bytes(answer.read())
    pathlib.Path("record.json").write_bytes((data / "agent-trace.json").read_bytes())
    record = pathlib.Path("record.json").read_text()
    names = {"URL": service.url, "record": record, "records": [record], "claims": claims() | {"iat": int(time.time())}}
    text = README.read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len(blocks) == 4
    try:
        for block in blocks:
            exec(compile(block, "README.md", "exec", dont_inherit=True), names)
    finally:
        stele.trace.use(None)
        names["ledger"].close()
    command = text.split("## Command line")[1].split("```sh\n")[1].split("```")[0]
    program = f'stele-py() {{ "{sys.executable}" -m stele.cli "$@"; }}\n'
    environment = {**os.environ, "URL": service.url, "PYTHONPATH": str(pathlib.Path(stele.__file__).parent.parent)}
    done = subprocess.run(
        ["bash", "-euc", program + command], env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert "valid" in done.stdout
