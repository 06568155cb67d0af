"""Lets witnesses that other people wrote cosign the checkpoints of a running `stele`.

    witnesses.py --stele PROGRAM

`WitnessService` of the PyPI package witness-log is served behind `add-checkpoint` and has to cosign a log from its first
checkpoint on and as it grows; with `without_quorum = "hold"` nothing is published without it. A second witness signs the
bare text, as siglog's does (a plain Ed25519 line): its line must never be served.
"""

from __future__ import annotations

import base64
import hashlib
import http.server
import pathlib
import sys
import threading
import time
from collections.abc import Iterator

from cose import insist
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from examination import main
from notes import WITHIN, vkey
from witness_log import WitnessService
from witnessed_log import ORIGIN, WitnessedLog, insist_cosigned_once

NAME = "witness-log.example/w"


class Judge:
    """The witness of witness-log behind HTTP."""

    def __init__(self, origin: str, log_vkey: str) -> None:
        self.service = WitnessService.new(NAME, bytes(range(32)))
        self.service.add_log(origin, log_vkey)
        self.statuses: list[int] = []

    @property
    def vkey(self) -> str:
        return self.service.vkey()

    def said(self, status: int) -> bool:
        """Waits until it has answered with this status."""
        deadline = time.monotonic() + WITHIN
        while status not in self.statuses and time.monotonic() < deadline:
            time.sleep(0.05)
        return status in self.statuses

    def answer(self, body: str) -> tuple[int, str, str]:
        status, content_type, text = self.service.handle_add_checkpoint_http(body, int(time.time()))
        self.statuses.append(status)
        return status, content_type, text


class Plain:
    """Signs the text of the note itself and calls it a cosignature."""

    name = "siglog.example/w"

    def __init__(self) -> None:
        self.key = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
        self.public = self.key.public_key().public_bytes_raw()
        self.asked = 0

    @property
    def vkey(self) -> str:
        return vkey(self.name, 4, self.public)

    def answer(self, body: str) -> tuple[int, str, str]:
        self.asked += 1
        text = body.split("\n\n", 1)[1].rsplit("\n\n", 1)[0] + "\n"
        key_id = hashlib.sha256(self.name.encode() + b"\n\x01" + self.public).digest()[:4]
        blob = base64.b64encode(key_id + self.key.sign(text.encode())).decode()
        return 200, "text/plain", f"\u2014 {self.name} {blob}\n"


def serve(witness: Judge | Plain) -> str:
    """Serves a witness from a thread that ends with the process; its submission prefix."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            known = self.path == "/add-checkpoint"
            status, content_type, text = witness.answer(body) if known else (404, "text/plain", "")
            answer = text.encode()
            self.send_response(status)
            self.send_header("Content-Type", content_type or "text/plain")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def do_GET(self) -> None:
            self.send_response(404)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"


def examine(stele: pathlib.Path, folder: pathlib.Path) -> Iterator[str]:
    log = WitnessedLog(stele, folder, NAME)
    judge, plain = Judge(ORIGIN, log.vkey), Plain()
    log.is_witnessed_by(f"witness J {judge.vkey} {serve(judge)}\nwitness P {plain.vkey} {serve(plain)}\nquorum J\n")
    with log.service.serving():
        cosigned = [log.checkpoint(), log.grow()]
    with log.service.serving():
        # After a restart nothing is known of the witness; its 409 tells. What was cosigned before is served meanwhile.
        insist(judge.said(409), "a restarted log learns the size from a 409")
        cosigned.append(log.checkpoint())
    insist(plain.asked > 0, "the witness that signs the bare text was asked")
    # So a plain Ed25519 line, which is no cosignature, is not served.
    insist_cosigned_once(cosigned, NAME)
    told = f"witness-log cosigned {judge.statuses.count(200)} checkpoints"
    yield f"{told}, a plain signature was told apart {plain.asked} times"


if __name__ == "__main__":
    sys.exit(main(__doc__, examine))
