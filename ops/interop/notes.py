"""Checkpoints and verifier keys (C2SP signed-note), as those who talk to witnesses need them."""

from __future__ import annotations

import base64
import hashlib
import time

from service import Service

WITHIN = 60.0


def vkey(name: str, kind: int, public: bytes) -> str:
    """A verifier key of C2SP signed-note."""
    typed = bytes([kind]) + public
    key_id = hashlib.sha256(name.encode() + b"\n" + typed).digest()[:4]
    return f"{name}+{key_id.hex()}+{base64.b64encode(typed).decode()}"


def signer_key(name: str, seed: bytes, public: bytes) -> str:
    """An Ed25519 signer key as golang.org/x/mod/sumdb/note writes it."""
    key_id = vkey(name, 1, public).split("+")[1]
    return f"PRIVATE+KEY+{name}+{key_id}+{base64.b64encode(bytes([1]) + seed).decode()}"


def checkpoint(service: Service, size: int, name: str) -> str:
    """Waits until the served checkpoint covers `size` entries and bears a line of this name."""
    deadline = time.monotonic() + WITHIN
    note = ""
    while time.monotonic() < deadline:
        status, body, _ = service.get("/checkpoint")
        note = body.decode()
        if status == 200 and note.split("\n")[1] == str(size) and f"\u2014 {name} " in note:
            return note
        time.sleep(0.05)
    raise RuntimeError(f"no checkpoint over {size} entries with a line of {name} within {WITHIN:.0f} s:\n{note}{service.log()}")
