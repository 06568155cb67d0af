"""Makes a real TRACE v0.2 Trust Record with the published package `agentrust-trace`.

    trust_record.py make OUT    run a small agent, write its signed record, check it, say what it is
    trust_record.py check FILE  check a record against the key it carries

The agent is as small as an agent can be: it makes one tool call, which hashes a file. Everything the
record says about that run is true: nothing was attested, no model was asked, and the policy named was
declared and not enforced. The record's key is made for this one run and forgotten.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import pathlib
import sys
import time
import warnings

import agentrust_trace as trace

POLICY = b"The agent may read its own source file. It may not write, and it may not use the network.\n"
SUBJECT = "spiffe://demo.stele.example/agent/first-record"


def digest(data: bytes) -> str:
    """The form in which TRACE writes a SHA-256."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def run_agent(tool_input: pathlib.Path) -> list[dict[str, str]]:
    """The agent's whole run: one tool call. Returns the transcript."""
    result = digest(tool_input.read_bytes())
    return [{"tool": "sha256", "input": tool_input.name, "output": result}]


def make() -> tuple[dict, dict]:
    """A signed record of one run, and the public key that signed it."""
    program = pathlib.Path(__file__).resolve()
    transcript = run_agent(program)
    record = {
        "eat_profile": trace.TRACE_PROFILE_V0_2,
        "iat": int(time.time()),
        "subject": SUBJECT,
        "model": {"provider": "none", "model_id": "no model was asked"},
        "runtime": {"platform": "software-only", "measurement": digest(program.read_bytes())},
        "policy": {"bundle_hash": digest(POLICY), "enforcement_mode": "declared"},
        "data_class": "public",
        "build_provenance": {"slsa_level": 0, "digest": digest(program.read_bytes())},
        "appraisal": {"status": "none", "verifier": "urn:stele:demo"},
        "tool_transcript": {
            "hash": digest(json.dumps(transcript, sort_keys=True, separators=(",", ":")).encode()),
            "call_count": len(transcript),
        },
    }
    key = trace.generate_key()
    return trace.sign_record(record, key), trace.key_to_jwk(key)


def check(record: dict, key: dict) -> None:
    """Raises unless the package accepts the record under this key at the moment it was made."""
    trace.TrustRecord.model_validate(record)
    trace.verify_record(record, key, now=record["iat"])


def describe(record: dict, key: dict) -> str:
    """One line for a person."""
    made = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(record["iat"]))
    return f"{record['subject']}, made {made}, key {trace.jwk_thumbprint(key)}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("act", choices=["make", "check"])
    parser.add_argument("file", type=pathlib.Path)
    arguments = parser.parse_args()
    if arguments.act == "make":
        record, key = make()
        check(record, key)
        arguments.file.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    else:
        # The embedded key proves that the record is whole, not who made it: enough for a demonstration.
        warnings.simplefilter("ignore")
        record = json.loads(arguments.file.read_text(encoding="utf-8"))
        key = record["cnf"]["jwk"]
        check(record, key)
    print(describe(record, key))
    return 0


if __name__ == "__main__":
    sys.exit(main())
