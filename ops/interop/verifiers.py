"""The two verifiers that other people wrote: `scitt-cose` and `cwt`."""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys

import cwt
import scitt_cose
from cose import CONSISTENCY, INCLUSION, insist, open_receipt, pem
from rfc9162 import consistency_roots, inclusion_root

#: On damaged bytes whatever is raised is a refusal. That a check does not refuse everything is shown by
#: the same call on the undamaged bytes, which comes first.
REFUSALS = Exception


class ScittCose:
    """`scitt-cose`: knows EdDSA and ES256. Inclusion receipts go through its command line."""

    program = pathlib.Path(sys.executable).with_name("scitt-cose")
    algorithms = ("eddsa", "es256")

    @classmethod
    def run(cls, folder: pathlib.Path, **files: bytes | str) -> dict | None:
        """Runs the command line on these files; its report if it accepts, else nothing."""
        command = [str(cls.program), "--json"]
        for option, value in files.items():
            if isinstance(value, bytes):
                path = folder / option
                path.write_bytes(value)
                value = str(path)
            command += ["--" + option.replace("_", "-"), value]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode not in (0, 1):
            raise RuntimeError(f"scitt-cose ended with {done.returncode}: {done.stderr}")
        return json.loads(done.stdout) if done.returncode == 0 else None

    @staticmethod
    def inclusion(receipt: bytes, entry: bytes, key: dict) -> bool:
        """The same check through the library, for the many receipts with one flipped bit."""
        result = scitt_cose.verify_receipt(receipt, leaf_entry_hex=entry.hex(), log_public_key_pem=pem(key))
        return result.ok

    @staticmethod
    def consistency(receipt: bytes, old_root: bytes, key: dict) -> bytes | None:
        """The newer root, if its proof and its signature library accept the receipt."""
        try:
            proof = open_receipt(receipt)
            insist(proof.kind == CONSISTENCY, "the proof is of the kind asked for")
            _, new_root = consistency_roots(proof.first, proof.second, old_root, proof.path)
            path = [node.hex() for node in proof.path]
            sizes = (proof.first, proof.second)
            if not scitt_cose.verify_consistency(old_root.hex(), new_root.hex(), *sizes, path):
                return None
            labels = frozenset({1, 4, 15, 395})
            scitt_cose.verify_sign1(
                receipt, public_key_pem=pem(key), detached_payload=new_root, understood_labels=labels
            )
        except REFUSALS:
            return None
        return new_root


class Cwt:
    """`cwt`: a COSE library that knows all four algorithms and no trees, so the root is ours to recompute."""

    algorithms = ("eddsa", "es256", "ed25519", "esp256")

    @staticmethod
    def payload(message: bytes, key: dict, detached: bytes | None = None) -> bytes | None:
        """The payload of a COSE_Sign1, if the signature over it verifies."""
        try:
            return cwt.COSE.new().decode(message, cwt.COSEKey.new(dict(key)), detached_payload=detached)
        except REFUSALS:
            return None

    @classmethod
    def inclusion_root(cls, receipt: bytes, entry: bytes, key: dict) -> bytes | None:
        """The root that the receipt proves the entry under, if it does."""
        try:
            proof = open_receipt(receipt)
            insist(proof.kind == INCLUSION, "the proof is of the kind asked for")
            root = inclusion_root(entry, proof.second, proof.first, proof.path)
        except REFUSALS:
            return None
        return root if cls.payload(receipt, key, root) == root else None

    @classmethod
    def inclusion(cls, receipt: bytes, entry: bytes, key: dict) -> bool:
        return cls.inclusion_root(receipt, entry, key) is not None

    @classmethod
    def consistency(cls, receipt: bytes, old_root: bytes, key: dict) -> bytes | None:
        try:
            proof = open_receipt(receipt)
            insist(proof.kind == CONSISTENCY, "the proof is of the kind asked for")
            first, second = consistency_roots(proof.first, proof.second, old_root, proof.path)
            insist(first == old_root, "the path starts from the root we hold")
        except REFUSALS:
            return None
        return second if cls.payload(receipt, key, second) == second else None
