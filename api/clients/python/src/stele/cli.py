"""`stele-py`: anchor files, verify what comes back, follow a log, on the command line."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

from . import __version__, commands
from .commands import INVALID, NOT_NOW, WRONG_USAGE, complain
from .errors import InvalidRecord, Overloaded, SteleError, Unreachable
from .records import SYSTEMS

_Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
_EPILOG = "exit codes: 0 done, valid; 1 refused, invalid; 2 wrong usage or a local problem; 3 not reachable now"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; its exit code."""
    asked = _parser().parse_args(arguments)
    run: Callable[[argparse.Namespace], int] = asked.run
    try:
        code = run(asked)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read this has enough; what Python would still flush at its end has nowhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except KeyboardInterrupt:
        code = 130
    except (Unreachable, Overloaded) as error:
        code = complain(error, NOT_NOW)
    except (InvalidRecord, OSError) as error:
        code = complain(error, WRONG_USAGE)
    except SteleError as error:
        code = complain(error, INVALID)
    # For the hooks of coding agents 2 means that the agent must not go on, and no anchoring is worth that.
    return INVALID if getattr(asked, "hook", False) and code == WRONG_USAGE else code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("stele-py", description=__doc__, epilog=_EPILOG)
    parser.add_argument("--version", action="version", version=f"stele-py {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for add in (_add_anchor, _add_verify, _add_tail, _add_agent_trace, _add_evidence):
        add(commands)
    return parser


def _service(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--url", default=os.environ.get("STELE_URL"), help="the service (or STELE_URL)")
    parser.add_argument(
        "--keys",
        default=os.environ.get("STELE_KEYS"),
        metavar="FILE",
        help="the service's pinned keys, COSE_KeySet or PEM (or STELE_KEYS)",
    )
    parser.add_argument("--service", metavar="ISS", help="the issuer that receipts have to name")


def _signer(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--key",
        default=os.environ.get("STELE_KEY"),
        metavar="FILE",
        help="your private key, PKCS#8 in PEM (or STELE_KEY)",
    )
    parser.add_argument("--issuer", metavar="ISS", help="who speaks [default: the key's did:key]")
    parser.add_argument("--hash-envelope", action="store_true", help="send only the record's SHA-256")


def _add_anchor(commands_: _Commands) -> None:
    parser = commands_.add_parser("anchor", help="register records, each in a statement signed with your key")
    parser.add_argument("files", nargs="+", metavar="FILE", help="one JSON record a file; - is standard input")
    parser.add_argument("--lines", action="store_true", help="one record a line (NDJSON) in each file")
    _service(parser)
    _signer(parser)
    parser.add_argument("--subject", metavar="SUB", help="what it is about [default: the record's own subject]")
    parser.add_argument("--system", choices=sorted(SYSTEMS), help="[default: recognised by content]")
    parser.add_argument("--content-type", metavar="TYPE", help="[default: that of the system's record]")
    parser.add_argument(
        "--door",
        choices=("statement", "registrar"),
        default="statement",
        help="who signs: you, or the service for the producer that the token names [default: statement]",
    )
    parser.add_argument("--token", metavar="FILE", type=Path, help="file of the bearer token for the registrar's door")
    parser.add_argument("--files-in", metavar="DIR", type=Path, help="compare the files of a manifest with this folder")
    parser.add_argument("--output-dir", type=Path, metavar="DIR", help="keep ENTRY_ID.cose, statement with receipt")
    parser.add_argument("--json", action="store_true", help="one line of JSON a record")
    parser.set_defaults(run=commands.anchor)


def _add_verify(commands_: _Commands) -> None:
    parser = commands_.add_parser("verify", help="check statements with their receipts, offline")
    parser.add_argument("statements", nargs="+", metavar="FILE", type=Path, help="transparent statements")
    parser.add_argument("--receipt", metavar="FILE", type=Path, help="the receipt of a statement without one")
    parser.add_argument("--keys", required=True, metavar="FILE", help="the service's pinned keys, COSE_KeySet or PEM")
    parser.add_argument("--service", metavar="ISS", help="the issuer that the receipt has to name")
    parser.add_argument("--issuer-key", metavar="FILE", help="the producer's public key; not needed for did:key")
    parser.add_argument("--content", metavar="FILE", type=Path, help="the record that it has to be about")
    parser.set_defaults(run=commands.verify)


def _add_tail(commands_: _Commands) -> None:
    parser = commands_.add_parser("tail", help="list the entries of a log, and follow it")
    _service(parser)
    parser.add_argument("-f", "--follow", action="store_true", help="go on with what comes, until interrupted")
    parser.add_argument("--after", type=int, metavar="N", help="begin behind this leaf index [default: the last ten]")
    parser.add_argument("--all", action="store_true", help="begin at the beginning")
    parser.add_argument("--poll", type=float, default=1.0, metavar="S", help="seconds between questions [default: 1]")
    parser.add_argument(
        "--term",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="only entries with this index term, as in /search/terms; several must all fit",
    )
    parser.add_argument("--verify", action="store_true", help="fetch and verify each entry, offline under --keys")
    parser.add_argument("--output-dir", type=Path, metavar="DIR", help="the same, and keep ENTRY_ID.cose")
    parser.add_argument("--read-token", metavar="FILE", type=Path, help="file of the bearer token for statements")
    parser.add_argument("--json", action="store_true", help="one line of JSON an entry")
    parser.set_defaults(run=commands.tail)


def _add_agent_trace(commands_: _Commands) -> None:
    parser = commands_.add_parser("agent-trace", help="register the new lines of an Agent Trace file, each once")
    parser.add_argument(
        "file", nargs="?", type=Path, metavar="FILE", help="[default: .agent-trace/traces.jsonl of the project]"
    )
    _service(parser)
    _signer(parser)
    parser.add_argument("--retry-refused", action="store_true", help="submit lines again that were refused")
    parser.add_argument("--hook", action="store_true", help="never stop a coding agent: exit 1 where 2 would, one try")
    parser.add_argument("--json", action="store_true", help="one line of JSON a record")
    parser.set_defaults(run=commands.agent_trace)


def _add_evidence(commands_: _Commands) -> None:
    parser = commands_.add_parser("evidence-manifest", help="write the Agent Evidence export manifest of a folder")
    parser.add_argument("folder", type=Path, metavar="DIR", help="pack, other documents and files of the export")
    parser.add_argument("--export-id", required=True, metavar="ID")
    parser.add_argument("--pack-id", metavar="ID", help="[default: that of the pack in the folder]")
    parser.add_argument("--name", default="manifest.json", help="the file to write [default: manifest.json]")
    parser.set_defaults(run=commands.evidence_manifest)


if __name__ == "__main__":
    sys.exit(main())
