"""`stele-py`: anchor files and verify what comes back, on the command line."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from . import __version__
from .errors import InvalidReceipt, InvalidRecord, Overloaded, SteleError, Unreachable
from .keys import KeySet, PublicKey
from .ledger import Anchored, Ledger
from .receipts import Receipt
from .records import SYSTEMS
from .statements import Statement

DONE, INVALID, WRONG_USAGE, NOT_NOW = 0, 1, 2, 3

_EPILOG = "exit codes: 0 done, valid; 1 refused, invalid; 2 wrong usage or a local problem; 3 not reachable now"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; its exit code."""
    asked = _parser().parse_args(arguments)
    run: Callable[[argparse.Namespace], int] = asked.run
    try:
        return run(asked)
    except (Unreachable, Overloaded) as error:
        return _complain(error, NOT_NOW)
    except (InvalidRecord, OSError) as error:
        return _complain(error, WRONG_USAGE)
    except SteleError as error:
        return _complain(error, INVALID)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("stele-py", description=__doc__, epilog=_EPILOG)
    parser.add_argument("--version", action="version", version=f"stele-py {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    anchor = commands.add_parser("anchor", help="register records, each in a statement signed with your key")
    anchor.add_argument("files", nargs="+", metavar="FILE", help="one JSON record a file; - is standard input")
    anchor.add_argument("--url", default=os.environ.get("STELE_URL"), help="the service (or STELE_URL)")
    anchor.add_argument("--key", required=True, metavar="FILE", help="your private key, PKCS#8 in PEM")
    anchor.add_argument("--keys", metavar="FILE", help="the service's pinned keys, COSE_KeySet or PEM")
    anchor.add_argument("--service", metavar="ISS", help="the issuer that receipts have to name")
    anchor.add_argument("--issuer", metavar="ISS", help="who speaks [default: the key's did:key]")
    anchor.add_argument("--subject", metavar="SUB", help="what it is about [default: the record's own subject]")
    anchor.add_argument("--system", choices=sorted(SYSTEMS), help="[default: recognised by content]")
    anchor.add_argument("--content-type", metavar="TYPE", help="[default: that of the system's record]")
    anchor.add_argument("--hash-envelope", action="store_true", help="send only the record's SHA-256")
    anchor.add_argument("--output-dir", type=Path, metavar="DIR", help="keep ENTRY_ID.cose, statement with receipt")
    anchor.add_argument("--json", action="store_true", help="one line of JSON a record")
    anchor.set_defaults(run=_anchor)

    verify = commands.add_parser("verify", help="check a statement with its receipt, offline")
    verify.add_argument("statement", metavar="FILE", type=Path, help="a transparent statement, or one with --receipt")
    verify.add_argument("--receipt", metavar="FILE", type=Path)
    verify.add_argument("--keys", required=True, metavar="FILE", help="the service's pinned keys, COSE_KeySet or PEM")
    verify.add_argument("--service", metavar="ISS", help="the issuer that the receipt has to name")
    verify.add_argument("--issuer-key", metavar="FILE", help="the producer's public key; not needed for did:key")
    verify.add_argument("--content", metavar="FILE", type=Path, help="the record that it has to be about")
    verify.set_defaults(run=_verify)
    return parser


def _anchor(asked: argparse.Namespace) -> int:
    if not asked.url:
        return _complain("name the service with --url or STELE_URL", WRONG_USAGE)
    if asked.output_dir:
        asked.output_dir.mkdir(parents=True, exist_ok=True)
    refused = 0
    with Ledger(asked.url, service_keys=asked.keys, service=asked.service, key=Path(asked.key)) as ledger:
        if not ledger.pinned:
            print("stele-py: no --keys: the keys that the service shows now are believed", file=sys.stderr)
        for name in asked.files:
            content = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
            try:
                anchored = ledger.anchor(
                    content,
                    issuer=asked.issuer,
                    subject=asked.subject,
                    system=asked.system,
                    content_type=asked.content_type,
                    hash_envelope=asked.hash_envelope,
                )
            except (Unreachable, Overloaded):
                raise
            except SteleError as error:
                _complain(f"{name}: {error}", INVALID)
                refused += 1
                continue
            _tell(name, anchored, asked)
    return INVALID if refused else DONE


def _tell(name: str, anchored: Anchored, asked: argparse.Namespace) -> None:
    if asked.output_dir:
        (asked.output_dir / f"{anchored.entry_id}.cose").write_bytes(anchored.transparent)
    if asked.json:
        members = ("entry_id", "leaf_index", "registered_at")
        print(json.dumps({"file": name} | {member: getattr(anchored, member) for member in members}), flush=True)
    else:
        print(f"{name}: entry {anchored.entry_id}, index {anchored.leaf_index}", flush=True)


def _verify(asked: argparse.Namespace) -> int:
    statement, receipts = Statement.parse(asked.statement.read_bytes())
    if asked.receipt:
        receipts = [asked.receipt.read_bytes()]
    if not receipts:
        return _complain("the statement carries no receipt; name one with --receipt", WRONG_USAGE)
    keys = KeySet.of(Path(asked.keys))
    if asked.issuer_key:
        issuer_key: PublicKey | None = PublicKey.from_pem(Path(asked.issuer_key))
    else:
        issuer_key = PublicKey.from_did_key(statement.issuer)
    if asked.content and not statement.covers(asked.content.read_bytes()):
        raise InvalidReceipt("the statement is not about this content")
    if issuer_key:
        statement.verify(issuer_key)
    for data in receipts:
        receipt = Receipt.parse(data)
        receipt.verify(statement, keys, asked.service)
        print(f"entry    {statement.entry_id}, index {receipt.leaf_index}")
        print(f"issuer   {statement.issuer}" + ("" if issuer_key else "  (signature not checked: no --issuer-key)"))
        print(f"subject  {statement.subject}")
        print(f"receipt  of {receipt.issuer}, valid")
    return DONE


def _complain(error: object, code: int) -> int:
    print(f"stele-py: {error}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
