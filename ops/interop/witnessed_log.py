"""A running log that publishes nothing without the cosignature of a witness that other people wrote."""

from __future__ import annotations

import base64
import json
import pathlib
import urllib.error
import urllib.request

import notes
from cose import insist
from service import Service

ORIGIN = "log.example/interop"
#: Genesis, policy, trust anchors.
FIRST_SIZE = 3
#: Trusting an issuer takes an anchor and a rule.
STEP = 2


class WitnessedLog:
    """The log, and how far it has grown."""

    def __init__(self, stele: pathlib.Path, folder: pathlib.Path, name: str) -> None:
        self.service = Service(stele, folder)
        init = ["init", self.service.data, "--service-url", self.service.url, "--origin", ORIGIN, "--json"]
        self.vkey = json.loads(self.service.stele(*init))["checkpoint_key"]
        self.folder, self.name, self.size = folder, name, FIRST_SIZE

    def is_witnessed_by(self, policy: str) -> None:
        """Configures the witnesses of a C2SP tlog-policy, and that nothing is published without their quorum."""
        (self.service.data / "witness.policy").write_text(policy)
        self.service.set("policy", "witness.policy")
        self.service.set("without_quorum", "hold")

    def checkpoint(self) -> str:
        """Waits for the cosigned checkpoint over everything that was registered."""
        return notes.checkpoint(self.service, self.size, self.name)

    def grow(self) -> str:
        """Has the operator trust one issuer more, and waits for the checkpoint."""
        key = self.folder / f"issuer-{self.size}.pem"
        self.service.stele("key", "new", key)
        operator = ["--operator-key", self.service.data / "keys" / "operator.pem"]
        trust = [*operator, "--issuer", f"https://issuer-{self.size}.example", "--key", key]
        self.service.stele("policy", "trust", "--url", self.service.url, *trust)
        self.size += STEP
        return self.checkpoint()


def policy_of(vkey: str, address: str) -> str:
    """The policy that asks for one witness."""
    return f"witness W {vkey} http://{address}\nquorum W\n"


def refused(address: str, note: str) -> int:
    """What a witness says to a checkpoint of another history, to see that it is a witness at all."""
    lines = note.split("\n")
    lines[2] = base64.b64encode(bytes(32)).decode()
    body = f"old {lines[1]}\n\n" + "\n".join(lines)
    request = urllib.request.Request(f"http://{address}/add-checkpoint", data=body.encode())
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status
    except urllib.error.HTTPError as refusal:
        return refusal.code


def insist_cosigned_once(cosigned: list[str], name: str) -> None:
    """The log signs with both of its keys, the witness once and with a time (cosignature/v1); nobody else's line is there."""
    for note in cosigned:
        lines = [line.split() for line in note.rstrip("\n").rsplit("\n\n", 1)[1].split("\n")]
        names = [line[1] for line in lines]
        insist(names == [ORIGIN, ORIGIN, name], f"the log signs twice, {name} once: {names}")
        blob = base64.b64decode(lines[2][2])
        insist(len(blob) == 4 + 8 + 64, f"the line of {name} is an id, a time and a signature: {len(blob)} bytes")
