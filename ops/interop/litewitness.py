"""Lets litewitness, the witness of filippo.io/torchwood, cosign the checkpoints of a running `stele`.

    litewitness.py --stele PROGRAM --litewitness PROGRAM

The real program is started as its operator would start it: with a database that knows the log, and with its key in an
ssh-agent, which here is a thread that holds one key. With `without_quorum = "hold"` nothing is published without it. It is
asked from the first checkpoint on, as the log grows, after the log was restarted, and after it was itself.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import pathlib
import socketserver
import sqlite3
import struct
import sys
import threading
from collections.abc import Iterator

from cose import insist
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from examination import main
from notes import vkey
from service import free_port, running
from witnessed_log import ORIGIN, WitnessedLog, insist_cosigned_once, policy_of, refused

NAME = "litewitness.example/w"
KIND = b"ssh-ed25519"


def text(value: bytes) -> bytes:
    """A string of the SSH protocols (RFC 4251 §5)."""
    return struct.pack(">I", len(value)) + value


class Agent:
    """An ssh-agent that holds one Ed25519 key (draft-ietf-sshm-ssh-agent): it lists it, and signs with it."""

    def __init__(self, path: pathlib.Path) -> None:
        key = Ed25519PrivateKey.from_private_bytes(bytes(range(64, 96)))
        self.public = key.public_key().public_bytes_raw()
        blob = text(KIND) + text(self.public)
        self.fingerprint = "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")
        self.path = str(path)

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                while len(head := self.rfile.read(4)) == 4:
                    request = self.rfile.read(struct.unpack(">I", head)[0])
                    self.wfile.write(text(answer(request)))

        def answer(request: bytes) -> bytes:
            if request[:1] == b"\x0b":  # SSH_AGENTC_REQUEST_IDENTITIES
                return b"\x0c" + struct.pack(">I", 1) + text(blob) + text(b"witness")
            if request[:1] == b"\x0d" and request[1:].startswith(text(blob)):  # SSH_AGENTC_SIGN_REQUEST
                rest = request[1 + len(text(blob)) :]
                message = rest[4 : 4 + struct.unpack(">I", rest[:4])[0]]
                return b"\x0e" + text(text(KIND) + text(key.sign(message)))
            return b"\x05"

        server = socketserver.ThreadingUnixStreamServer(self.path, Handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()


class Litewitness:
    """The program with its database."""

    def __init__(self, program: pathlib.Path, folder: pathlib.Path, log_vkey: str) -> None:
        self.program, self.folder = program, folder
        self.agent = Agent(folder / "agent.sock")
        self.address = f"127.0.0.1:{free_port()}"
        self.database = folder / "litewitness.db"
        with self.running():
            pass
        # What `witnessctl add-log` and `witnessctl add-key` write.
        empty = base64.b64encode(hashlib.sha256(b"").digest()).decode()
        with contextlib.closing(sqlite3.connect(self.database)) as database, database:
            database.execute("INSERT INTO log (origin, tree_size, tree_hash) VALUES (?, 0, ?)", (ORIGIN, empty))
            database.execute("INSERT INTO key (origin, key) VALUES (?, ?)", (ORIGIN, log_vkey))

    @property
    def vkey(self) -> str:
        return vkey(NAME, 4, self.agent.public)

    def known(self) -> int:
        """The size of the checkpoint that it cosigned last."""
        with contextlib.closing(sqlite3.connect(self.database)) as database:
            return database.execute("SELECT tree_size FROM log").fetchone()[0]

    def running(self) -> contextlib.AbstractContextManager[None]:
        command = [self.program, "-name", NAME, "-db", self.database, "-ssh-agent", self.agent.path]
        command += ["-listen", self.address, "-key", self.agent.fingerprint]
        return running(command, self.address, self.folder / "litewitness.log")


def examine(stele: pathlib.Path, program: pathlib.Path, folder: pathlib.Path) -> Iterator[str]:
    notes = []
    log = WitnessedLog(stele, folder, NAME)
    witness = Litewitness(program, folder, log.vkey)
    log.is_witnessed_by(policy_of(witness.vkey, witness.address))
    with witness.running():
        with log.service.serving():
            notes += [log.checkpoint(), log.grow()]
        insist(witness.known() == log.size, "litewitness keeps what it cosigned")
    with witness.running(), log.service.serving():
        notes.append(log.grow())
        insist(refused(witness.address, notes[-1]) == 403, "litewitness refuses what the log did not sign")
    insist_cosigned_once(notes, NAME)
    yield f"litewitness cosigned {len(notes)} checkpoints, over up to {witness.known()} entries"


if __name__ == "__main__":
    sys.exit(main(__doc__, examine, litewitness="the program that cosigns"))
