"""Lets omniwitness, the witness of github.com/transparency-dev/witness, cosign the checkpoints of a running `stele`, and
has its load test ask `stele witness`.

    omniwitness.py --stele PROGRAM --tools FOLDER

The folder holds `omniwitness` and `loadtest`. With `without_quorum = "hold"` nothing is published without omniwitness. It
is asked from the first checkpoint on, as the log grows, after the log was restarted, and after it was itself. The load
test makes logs of its own, each with its key, and grows them as fast as it is told; it ends well only if each of its
requests was answered as the specification says.
"""

from __future__ import annotations

import contextlib
import json
import pathlib
import re
import subprocess
import sys
from collections.abc import Iterator

from cose import insist
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from examination import main
from notes import signer_key, vkey
from service import free_port, running
from stele_witness import SteleWitness
from witnessed_log import ORIGIN, WitnessedLog, insist_cosigned_once, policy_of, refused

NAME = "omniwitness.example/w"
SEED = bytes(range(32, 64))
#: The load: so many logs, and updates a second until the witness has kept up for a while.
LOAD = ["--log_count", "10", "--start_qps", "40", "--success_qps", "43", "--timeout", "20s", "--logtostderr"]
#: How long the load may take. One that is not kept up with would go on for ever.
WITHIN = 120.0


class Omniwitness:
    """The program with its database."""

    def __init__(self, program: pathlib.Path, folder: pathlib.Path, log_vkey: str) -> None:
        self.program, self.folder = program, folder
        self.address = f"127.0.0.1:{free_port()}"
        public = Ed25519PrivateKey.from_private_bytes(SEED).public_key().public_bytes_raw()
        self.vkey = vkey(NAME, 4, public)
        (folder / "omniwitness.key").write_text(signer_key(NAME, SEED, public))
        logs = [{"Origin": ORIGIN, "PublicKey": log_vkey, "URL": "http://127.0.0.1/"}]
        # JSON is YAML.
        (folder / "omniwitness.yaml").write_text(json.dumps({"Logs": logs}))

    def running(self) -> contextlib.AbstractContextManager[None]:
        command = [self.program, "--listen", self.address, "--metrics_listen", "", "--logtostderr"]
        command += ["--db_file", self.folder / "omniwitness.db", "--private_key_path", self.folder / "omniwitness.key"]
        command += ["--additional_logs", self.folder / "omniwitness.yaml"]
        return running(command, self.address, self.folder / "omniwitness.log")


def cosigns(stele: pathlib.Path, program: pathlib.Path, folder: pathlib.Path) -> str:
    cosigned = []
    log = WitnessedLog(stele, folder, NAME)
    witness = Omniwitness(program, folder, log.vkey)
    log.is_witnessed_by(policy_of(witness.vkey, witness.address))
    with witness.running(), log.service.serving():
        cosigned += [log.checkpoint(), log.grow()]
    with witness.running(), log.service.serving():
        cosigned.append(log.grow())
        # This version says 500 where the specification says 403.
        insist(refused(witness.address, cosigned[-1]) >= 400, "omniwitness refuses what the log did not sign")
    insist_cosigned_once(cosigned, NAME)
    return f"omniwitness cosigned {len(cosigned)} checkpoints, over up to {log.size} entries"


def bears_load(stele: pathlib.Path, loadtest: pathlib.Path, folder: pathlib.Path) -> str:
    # Without a target it tells the logs that it will make; they are the same each time.
    told = subprocess.run([loadtest, *LOAD], capture_output=True, text=True, check=True, timeout=60).stdout
    keys = re.findall(r"PublicKey: (\S+)", told)
    insist(len(keys) == 10, f"the load test names its logs: {told}")
    witness = SteleWitness(stele, folder / "witness", keys)
    with witness.serving():
        load = [loadtest, *LOAD, "--target", witness.url]
        done = subprocess.run(load, capture_output=True, text=True, check=False, timeout=WITHIN)
    insist(done.returncode == 0, f"the load test ended with {done.returncode}: {done.stderr[-2000:]}")
    reached = re.search(r"Exiting successfully: QPS reached (\d+)", done.stderr)
    insist(reached is not None, f"the load test says that it was kept up with: {done.stderr[-2000:]}")
    return f"omniwitness's load test was kept up with at {reached[1]} updates a second of {len(keys)} logs"


def examine(stele: pathlib.Path, tools: pathlib.Path, folder: pathlib.Path) -> Iterator[str]:
    yield cosigns(stele, tools / "omniwitness", folder)
    yield bears_load(stele, tools / "loadtest", folder)


if __name__ == "__main__":
    sys.exit(main(__doc__, examine, tools="the folder of omniwitness and loadtest"))
