"""Lets omniwitness, the witness of github.com/transparency-dev/witness, cosign the checkpoints of a running `stele`, and
has its load test ask `stele witness`.

    omniwitness.py --stele PROGRAM --tools FOLDER

The folder holds `omniwitness` and `loadtest`. With `without_quorum = "hold"` nothing is published without omniwitness. It
is asked from the first checkpoint on, as the log grows, after the log was restarted, and after it was itself. The load
test makes logs of its own, each with its key, and grows them as fast as it is told; it ends well only if each of its
requests was answered as the specification says.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import json
import pathlib
import re
import subprocess
import sys
import tempfile

from cose import insist
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from notes import vkey
from service import free_port, running
from witnessed_log import ORIGIN, WitnessedLog, insist_cosigned_once, refused

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
        key_id = vkey(NAME, 1, public).split("+")[1]
        secret = base64.b64encode(bytes([1]) + SEED).decode()
        (folder / "omniwitness.key").write_text(f"PRIVATE+KEY+{NAME}+{key_id}+{secret}")
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
    log.is_witnessed_by(witness.vkey, witness.address)
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
    witness = folder / "witness"
    made = [stele, "witness", "init", witness, "--name", "stele.example/w", "--json"]
    subprocess.run(made, capture_output=True, check=True, timeout=60)
    (witness / "logs.policy").write_text("".join(f"log {key}\n" for key in keys) + "quorum none\n")
    command = [stele, "witness", "serve", witness, "--listen", "127.0.0.1:0", "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        url = json.loads(process.stdout.readline())["listening"]
        load = [loadtest, *LOAD, "--target", url]
        done = subprocess.run(load, capture_output=True, text=True, check=False, timeout=WITHIN)
    finally:
        process.terminate()
        code = process.wait(timeout=60)
        process.stdout.close()
    insist(code == 0, f"the witness ended with {code}")
    insist(done.returncode == 0, f"the load test ended with {done.returncode}: {done.stderr[-2000:]}")
    reached = re.search(r"Exiting successfully: QPS reached (\d+)", done.stderr)
    insist(reached is not None, f"the load test says that it was kept up with: {done.stderr[-2000:]}")
    return f"omniwitness's load test was kept up with at {reached[1]} updates a second of {len(keys)} logs"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--stele", type=pathlib.Path, required=True, help="the program to examine")
    parser.add_argument("--tools", type=pathlib.Path, required=True, help="the folder of omniwitness and loadtest")
    arguments = parser.parse_args()
    stele, tools = arguments.stele.resolve(), arguments.tools.resolve()
    with tempfile.TemporaryDirectory(prefix="stele-omniwitness-") as folder:
        print(f"  {cosigns(stele, tools / 'omniwitness', pathlib.Path(folder))}", flush=True)
        print(f"  {bears_load(stele, tools / 'loadtest', pathlib.Path(folder))}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
