"""Writes the seeds of every fuzz target into `seeds/`: small files, valid ones and near misses.

Needs cbor2 and cryptography (`ops/interop/requirements.txt`). The keys are made from fixed bytes, so that
the same files come out each time; none of them protects anything.
"""

from __future__ import annotations

import base64
import datetime
import hashlib
import itertools
import json
import pathlib
from collections.abc import Iterable

import cbor2
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

HERE = pathlib.Path(__file__).resolve().parent
VECTORS = json.loads((HERE / "../../proofs/tests/data/stele/vectors.json").read_text())
KEY = ed25519.Ed25519PrivateKey.from_private_bytes(bytes.fromhex(VECTORS["key_seed"]))
EC_KEY = ec.derive_private_key(int.from_bytes(hashlib.sha256(b"stele fuzz seeds").digest(), "big") >> 8, ec.SECP256R1())
X = KEY.public_key().public_bytes_raw()
POINT = EC_KEY.public_key().public_numbers()
COSE_KEY = {1: 1, -1: 6, -2: X}
EC_COSE_KEY = {1: 2, -1: 1, -2: POINT.x.to_bytes(32, "big"), -3: POINT.y.to_bytes(32, "big")}
KID = hashlib.sha256(cbor2.dumps(COSE_KEY, canonical=True)).digest()
EC_KID = hashlib.sha256(cbor2.dumps(EC_COSE_KEY, canonical=True)).digest()
CLAIMS = {1: "https://issuer.example", 2: "urn:example:artifact:1"}


def cbor(value: object) -> bytes:
    return cbor2.dumps(value, canonical=True)


def unhex(text: str) -> bytes:
    return bytes.fromhex(text.replace(" ", ""))


def b64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def base58(data: bytes) -> bytes:
    alphabet = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
    number, digits = int.from_bytes(data, "big"), b""
    while number:
        number, rest = divmod(number, 58)
        digits = alphabet[rest : rest + 1] + digits
    return alphabet[:1] * (len(data) - len(data.lstrip(b"\0"))) + digits


def sign(key, message: bytes) -> bytes:
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign(message)
    # ECDSA with a fixed nonce, RFC 6979: the seeds must come out the same each time.
    signature = key.sign(message, ec.ECDSA(hashes.SHA256(), deterministic_signing=True))
    r, s = decode_dss_signature(signature)
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def sign1(protected: dict | bytes, payload: bytes | None, unprotected: dict | None = None, key=KEY, tag: int = 18) -> bytes:
    header = protected if isinstance(protected, bytes) else cbor2.dumps(protected)
    signature = sign(key, cbor2.dumps(["Signature1", header, b"", payload or b""]))
    return cbor2.dumps(cbor2.CBORTag(tag, [header, unprotected or {}, payload, signature]))


def pieces(whole: bytes, count: int) -> list[bytes]:
    """Truncations and single flipped bits, evenly spread."""
    cuts = [whole[: len(whole) * n // (count + 1)] for n in range(1, count + 1)]
    flips = []
    for n in range(count):
        place = len(whole) * n // count
        flips.append(whole[:place] + bytes([whole[place] ^ (1 << n % 8)]) + whole[place + 1 :])
    return cuts + flips


def items() -> Iterable[bytes]:
    """CBOR items: every major type, shortest and longer heads, both sides of every rule of the scanner."""
    values = [0, 23, 24, 255, 256, 65535, 65536, 2**32, 2**64 - 1, -1, -24, -25, -(2**63), b"", b"x" * 24, "", "é", "x" * 300]
    values += [[], [1, [2, [3]]], {}, {1: 2, "a": b"b"}, {15: {1: "i", 2: "s"}}, True, False, None, 1.5, 1e300, float("inf")]
    yield from map(cbor, values)
    yield from map(unhex, ["1817", "190017", "5f4100ff", "9f01ff", "bf0102ff", "a201020103", "a2616101616102", "f97e00", "fb3ff8000000000000"])
    yield from map(unhex, ["c1 1a6553f100", "d2 84 40 a0 f6 40", "62c328", "0000", "f818", "ff", "1c", "a1 80 01", "a1 f4 f5"])
    yield b"\x81" * 15 + b"\x00"
    yield b"\x81" * 17 + b"\x00"
    yield from (bytes.fromhex(VECTORS[name][0][form]) for name, form in (("statements", "cbor"), ("receipts", "receipt")))


def sequences() -> Iterable[bytes]:
    """CBOR sequences, as a batch of statements is one: whole, with a bad item among good ones, and broken off."""
    good = [bytes.fromhex(statement["cbor"]) for statement in VECTORS["statements"][:4]]
    yield b""
    yield from good[:2]
    yield b"".join(good)
    yield from (good[0] + item + good[1] for item in list(items())[::2])
    yield from (b"".join(good[:2])[:cut] for cut in (1, 7, 60, 200, 300, 400))
    yield from map(unhex, ["5f42010243030405ff00", "9f018202039f0405ffff01", "bf01ff", "5f5f4101ffff", "7f4161ff", "f818", "9bffffffffffffffff00"])
    yield b"\x81" * 256 + b"\x00\x00"
    yield b"\x81" * 257 + b"\x00\x00"


def statements() -> Iterable[bytes]:
    base = {1: -8, 3: "text/plain", 4: KID, 15: CLAIMS}
    yield from (bytes.fromhex(statement["cbor"]) for statement in VECTORS["statements"][:4])
    yield bytes.fromhex(VECTORS["transparent_statement_8"])
    for alg in (-7, -9):
        yield sign1({**base, 1: alg, 4: EC_KID}, b"by ECDSA", key=EC_KEY)
    for alg in (-19, -35, -36, -37, -38, -39, -51, -52, -257, -48, 0):
        yield sign1({**base, 1: alg}, b"by any algorithm")
    digest = hashlib.sha256(b"far away").digest()
    envelope = {1: -8, 4: KID, 15: CLAIMS, 258: -16, 259: "text/plain", 260: "https://issuer.example/1"}
    yield sign1(envelope, digest)
    yield sign1({**envelope, 259: 0}, digest)
    yield sign1({**envelope, 258: -44}, digest)
    yield sign1({**envelope, 3: "text/plain"}, digest)
    yield sign1({**base, 3: 50}, b"[]")
    yield sign1({**base, 2: [15]}, b"critical and known")
    yield sign1({**base, 2: [99], 99: 1}, b"critical and unknown")
    yield sign1({**base, 34: [-16, digest]}, b"x5t")
    yield sign1({1: -8, 33: b"\x30\x03\x02\x01\x00", 15: CLAIMS}, b"x5chain of one")
    yield sign1({1: -8, 33: [b"\x30\x03\x02\x01\x00"] * 2, 15: CLAIMS}, b"x5chain of two")
    yield sign1(base, b"unprotected x5chain", {33: b"\x30\x03\x02\x01\x00"})
    yield sign1(base, None)
    yield sign1(base, b"")
    yield sign1({1: -8, 15: CLAIMS}, b"no key")
    yield sign1({1: -8, 4: KID, 15: {1: "https://issuer.example"}}, b"no subject")
    yield sign1({1: -8, 4: KID, 391: "https://issuer.example", 392: "feed"}, b"old labels")
    yield sign1({**base, 15: {**CLAIMS, 6: 1790000000, 4: 1790000001}}, b"times")
    yield sign1({**base, "stele.log": KID}, b"text label")
    yield sign1(b"", b"empty header")
    yield sign1(b"\xa0", b"empty map")
    yield sign1(base, b"a MAC", tag=17)
    yield from pieces(bytes.fromhex(VECTORS["statements"][0]["cbor"]), 4)


def receipts() -> Iterable[bytes]:
    yield from (bytes.fromhex(receipt["receipt"]) for receipt in VECTORS["receipts"])
    yield from (bytes.fromhex(receipt["receipt"]) for receipt in VECTORS["consistency_receipts"])
    protected = {1: -8, 4: KID, 15: {1: "https://ts.example", 2: "s", 6: 1790000000}, 395: 1}
    node = hashlib.sha256(b"node").digest()

    def receipt(vdp: object, header: dict = protected, payload: bytes | None = None) -> bytes:
        return sign1(header, payload, {396: vdp})

    yield receipt({-1: [cbor([2, 1, [node]])]})
    yield receipt({-1: [cbor([2**64 - 1, 2**63, [node] * 64])]})
    yield receipt({-1: [cbor([1, 0, []])]})
    yield receipt({-1: [cbor([2, 2, [node]])]})
    yield receipt({-1: [cbor([2, 1, [node[:31]]])]})
    yield receipt({-1: []})
    yield receipt({-1: [cbor([2, 1, [node]])], -2: [cbor([1, 2, [node]])]})
    yield receipt({-1: [cbor([2, 1, [node]])]}, payload=node)
    yield receipt({-1: [cbor([2, 1, [node]])]}, {**protected, 395: 2})
    yield receipt({-1: [cbor([2, 1, [node]])]}, {1: -8, 395: 1})
    yield from pieces(bytes.fromhex(VECTORS["receipts"][3]["receipt"]), 4)


def transparent() -> Iterable[bytes]:
    protected, _, payload, signature = cbor2.loads(bytes.fromhex(VECTORS["statements"][8]["cbor"])).value
    known = [bytes.fromhex(receipt["receipt"]) for receipt in VECTORS["receipts"]]

    def attach(*found: object, **more: object) -> bytes:
        return cbor2.dumps(cbor2.CBORTag(18, [protected, {394: list(found), **more}, payload, signature]))

    yield bytes.fromhex(VECTORS["transparent_statement_8"])
    yield from (attach(receipt) for receipt in known)
    yield from (attach(*pair) for pair in itertools.pairwise(known))
    yield attach()
    yield attach(known[0], b"")
    yield attach(b"\xff", known[0])
    yield attach(cbor2.loads(known[0]))
    yield attach(known[0], known[0], extra=1)
    yield bytes.fromhex(VECTORS["statements"][8]["cbor"])
    yield from pieces(attach(known[3]), 3)


def keys() -> Iterable[bytes]:
    both = [({**COSE_KEY, 2: KID}, (-8, -19)), ({**EC_COSE_KEY, 2: EC_KID}, (-7, -9))]
    for key, algorithms in both:
        yield cbor(key)
        for alg in algorithms:
            yield cbor({**key, 3: alg})
            yield cbor({**key, 3: alg, 4: [2]})
        yield cbor([key])
        yield cbor({**key, 4: [1]})
        yield cbor({**key, 2: "text"})
    yield cbor({**EC_COSE_KEY, -3: True})
    yield cbor({**EC_COSE_KEY, -3: False})
    yield cbor({**EC_COSE_KEY, -2: b"\x00" * 32})
    yield cbor({**EC_COSE_KEY, -1: 2, -2: b"\x01" * 48, -3: b"\x02" * 48})
    yield cbor({1: 3, -1: b"\xc1" * 256, -2: b"\x01\x00\x01"})
    yield cbor({1: 3, -1: b"\xc1" * 128, -2: b"\x03"})
    yield cbor({1: 7, 3: -48, -1: b"\x00" * 64})
    yield cbor({**COSE_KEY, -2: b"\x00" * 32})
    yield cbor({**COSE_KEY, -2: b"\x01" + b"\x00" * 31})
    yield cbor({**COSE_KEY, -2: b"\xff" * 32})
    yield cbor({**COSE_KEY, -4: b"\x00" * 32})
    yield cbor({1: 1, -1: 7, -2: b"\x00" * 57})
    yield cbor([{**COSE_KEY, 2: KID}, {1: 99}, {**EC_COSE_KEY, 2: EC_KID}, 7])
    yield cbor([])
    yield from pieces(cbor({**EC_COSE_KEY, 2: EC_KID, 3: -7}), 3)


def jwk(cose: dict, **more: object) -> dict:
    parts = {1: {"kty": "OKP", "crv": "Ed25519"}, 2: {"kty": "EC", "crv": "P-256"}}[cose[1]]
    return {**parts, "x": b64url(cose[-2]), **({"y": b64url(cose[-3])} if -3 in cose else {}), **more}


def compact(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def did_jwk(cose: dict, **more: object) -> bytes:
    return b"did:jwk:" + b64url(compact(jwk(cose, **more))).encode()


def did_key(code: bytes, point: bytes) -> bytes:
    return b"did:key:z" + base58(code + point)


DID_KEY = did_key(b"\xed\x01", X)
EC_DID_KEY = did_key(b"\x80\x24", bytes([2 + EC_COSE_KEY[-3][-1] % 2]) + EC_COSE_KEY[-2])


def key_forms() -> Iterable[bytes]:
    """Keys as the world outside of COSE writes them: SPKI, PEM and JWK."""
    for public, cose in ((KEY.public_key(), COSE_KEY), (EC_KEY.public_key(), EC_COSE_KEY)):
        der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        yield from (der, pem, compact(jwk(cose)), pem.replace(b"\n", b"\r\n"), pem * 2, pem.strip())
        yield compact(jwk(cose, kid="k", use="sig", key_ops=["verify"]))
        yield from (compact(jwk(cose, alg=alg)) for alg in ("EdDSA", "Ed25519", "ES256", "none"))
        yield compact(jwk(cose, d="AAAA"))
        yield from pieces(der, 2)
    yield b"{}"
    yield b'{"kty":"RSA","n":"AQAB","e":"AQAB"}'
    yield compact({"kty": "RSA", "n": b64url(b"\xc1" * 256), "e": "AQAB"})


def dids() -> Iterable[bytes]:
    yield from (DID_KEY, EC_DID_KEY, DID_KEY + b"#" + DID_KEY[8:], DID_KEY + b"/path", DID_KEY + b"?query")
    for cose in (COSE_KEY, EC_COSE_KEY):
        yield from (did_jwk(cose), did_jwk(cose, alg="ES256"), did_jwk(cose, alg="EdDSA"), did_jwk(cose, kid="k", use="sig"))
        yield from (did_jwk(cose, d="AAAA"), did_jwk(cose) + b"#0", did_jwk(cose) + b"==")
    yield b"did:jwk:" + b64url(json.dumps(jwk(COSE_KEY)).encode()).encode()
    yield b"did:jwk:" + b64url(b'{"kty":"OKP","kty":"OKP"}').encode()
    yield from (did_key(code, X) for code in (b"\xec\x01", b"\xe7\x01", b"\x85\x24", b"\xed", b""))
    yield from (did_key(code, b"\x02" + b"\x11" * size) for code, size in ((b"\x81\x24", 48), (b"\x82\x24", 66)))
    yield did_key(b"\xed\x01", b"\0" * 32)
    yield did_key(b"\xed\x01", X[:31])
    yield from (b"did:key:z", b"did:key:z6Mk", b"did:key:uAAAA", b"did:jwk:", b"did:jwk:e30", b"did:web:issuer.example")


def documents(valid: list[dict], required: list[str]) -> Iterable[bytes]:
    """JSON documents: valid ones, and for each of them the usual mistakes."""
    for document in valid:
        yield compact(document)
    first = valid[0]
    yield json.dumps(first, indent=2).encode()
    for name in required:
        yield compact({key: value for key, value in first.items() if key != name})
        yield compact({**first, name: None})
    yield compact({**first, "version": 2, "format": 2})
    yield compact({**first, "unknown": 1})
    yield compact(first).replace(b"{", b'{"version":1,', 1)
    yield compact(first) + b" "
    yield compact(first) + b"x"
    yield b"{}"
    yield b"[]"
    yield b"\xef\xbb\xbf" + compact(first)
    yield from pieces(compact(valid[-1]), 6)


def policies() -> Iterable[bytes]:
    plain = {"version": 1, "operator": jwk(COSE_KEY)}
    rule = {"name": "one", "issuers": [{"exact": "https://issuer.example"}], "anchors": ["listed"]}
    prefix = {"name": "two", "issuers": [{"prefix": "https://x509.example"}], "anchors": ["root", "other"]}
    strict = {
        "name": "three",
        "issuers": [{"prefix": "did:key"}, {"prefix": "did:jwk"}],
        "self_certified": ["did:key", "did:jwk"],
        "content_types": ["application/json", 50],
        "content_type_required": True,
        "required_headers": [16, "stele.note"],
        "required_claims": [6],
        "payload": "hash-envelope",
        "max_statement_bytes": 4096,
        "not_before": 1700000000,
        "not_after": 1800000000,
    }
    yield from documents(
        [
            {**plain, "rules": [rule]},
            plain,
            {**plain, "operator": jwk(EC_COSE_KEY, alg="ES256")},
            {**plain, "algorithms": ["ES256", "EdDSA", "PS512"]},
            {**plain, "algorithms": []},
            {**plain, "max_statement_bytes": 0},
            {**plain, "max_statement_bytes": 1048577},
            {**plain, "rules": [rule, rule]},
            {**plain, "rules": [{**rule, "payload": "attached"}]},
            {**plain, "rules": [{**rule, "issuers": []}]},
            {**plain, "rules": [{**rule, "issuers": [{"prefix": "https://"}]}]},
            {**plain, "rules": [rule, prefix, strict], "max_statement_bytes": 65536},
        ],
        ["version", "operator"],
    )


def anchors() -> Iterable[bytes]:
    plain = {"version": 1}
    key = {"id": "listed", "key": jwk(COSE_KEY)}
    root = {"id": "root", "root": base64.b64encode(root_certificate()[0]).decode()}
    bound = [{"iss": "urn:acme", "subject": "CN=leaf"}, {"iss": "urn:acme:2", "spki_sha256": "00" * 32}]
    yield from documents(
        [
            {**plain, "add": [key]},
            plain,
            {**plain, "add": [key, key]},
            {**plain, "add": [{**key, "key": jwk(COSE_KEY, kid="named")}]},
            {**plain, "add": [{**key, "key": jwk(EC_COSE_KEY, alg="ESP256")}]},
            {**plain, "add": [{**key, "issuers": [{"exact": "https://issuer.example"}]}]},
            {**plain, "add": [{**key, "id": "not an id"}]},
            {**plain, "add": [{**key, **root}]},
            {**plain, "retire": ["listed", "root"]},
            {**plain, "retire": ["listed", "listed"]},
            {**plain, "add": [key, {**root, "bindings": bound}], "retire": ["old"]},
        ],
        ["version", "add"],
    )


def geneses() -> Iterable[bytes]:
    names = ("receipts", "checkpoints", "registrar", "operator")
    others = [ed25519.Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32).public_key() for n in range(4)]
    keys = {name: jwk({1: 1, -2: key.public_bytes_raw()}) for name, key in zip(names, others, strict=True)}
    keys["receipts"]["alg"] = "EdDSA"
    plain = {
        "format": 1,
        "leaf": "rfc9162-sha256 over sha256(canonical signed statement)",
        "iss": "https://ts.example",
        "origin": "ts.example/log",
        "keys": keys,
    }
    yield from documents(
        [
            plain,
            {**plain, "keys": {**keys, "receipts": jwk(EC_COSE_KEY, alg="ESP256")}},
            {**plain, "keys": {**keys, "receipts": jwk(EC_COSE_KEY)}},
            {**plain, "keys": {**keys, "checkpoints": jwk(EC_COSE_KEY)}},
            {**plain, "keys": {**keys, "operator": keys["registrar"]}},
            {**plain, "iss": "not:a uri"},
            {**plain, "iss": ""},
            {**plain, "origin": ""},
            {**plain, "origin": "two\nlines"},
            {**plain, "leaf": "another rule"},
        ],
        ["format", "leaf", "iss", "origin", "keys"],
    )


def collaterals() -> Iterable[bytes]:
    plain = {1: 1, 4: 1790000000, 5: 1790000001}
    more = [(2, 1), (3, 2), (6, KID), (7, "listed"), (8, "a rule"), (9, [b"\x30\x00", b"\x30\x01"])]
    yield cbor(plain)
    for label, value in more:
        yield cbor({**plain, label: value})
        yield cbor({**plain, label: None})
        yield cbor({**plain, label: [value]})
    yield cbor({**plain, **dict(more)})
    yield cbor({**plain, 9: []})
    yield cbor({**plain, 10: 1})
    yield cbor({**plain, 1: 2})
    yield cbor({1: 1, 4: 1})
    yield cbor2.dumps({5: 1, 4: 1, 1: 1})
    yield from pieces(cbor({**plain, **dict(more)}), 4)


def manifests() -> Iterable[bytes]:
    root = hashlib.sha256(b"root").digest()
    plain = {1: 1, 2: 3, 3: 259, 4: root}
    yield cbor(plain)
    # The bounds: one record, the most, one more, none, and backwards.
    for start, end in ((0, 1), (0, 65_536), (0, 65_537), (7, 7), (8, 7), (2**64 - 2, 2**64 - 1), (0, 2**64 - 1)):
        yield cbor({**plain, 2: start, 3: end})
    for key in plain:
        yield cbor({name: value for name, value in plain.items() if name != key})
        for other in (-1, None, "1", b"\0" * 31, [1], 2**64):
            yield cbor({**plain, key: other})
    yield cbor({**plain, 5: 0})
    yield cbor2.dumps({4: root, 3: 259, 2: 3, 1: 1})
    # The same numbers in longer heads, and a map of indefinite length.
    yield cbor(plain).replace(b"\x02\x03", b"\x02\x18\x03")
    yield b"\xbf" + cbor(plain)[1:] + b"\xff"
    yield cbor(plain) + b"\0"
    yield from pieces(cbor(plain), 4)


def notices() -> Iterable[bytes]:
    entry, reason = "ab" * 32, "asked for by the person"
    erasure = {"version": 1, "entry": entry, "reason": reason}
    incident = {"version": 1, "size": 7, "root": "cd" * 32, "reason": "the disk burned"}
    yield from documents([erasure, incident], ["version", "reason"])
    for bad in (entry.upper(), entry[2:], entry + "00", "", "g" * 64, 1, None):
        yield compact({**erasure, "entry": bad})
        yield compact({**incident, "root": bad})
    for size in (0, 2**64 - 1, 2**64, -1, 1.5, 1e3, "7", None):
        yield compact({**incident, "size": size})
    for text in ("", "r" * 4096, "r" * 4097, "\u00e9" * 2048, "\U0001f5ff", "\n\t", 7):
        yield compact({**erasure, "reason": text})
    yield compact({**erasure, **incident})
    yield compact(erasure).replace(b'"version"', b'"version":1,"version"')
    # The mark of a restored log has one spelling.
    mark = {"version": 1, "tree_size": 7, "root": "cd" * 32, "witnessed": False}
    yield from (json.dumps(each, separators=(",", ":")).encode() for each in (mark, {**mark, "witnessed": True}))
    for changed in ({"version": 2}, {"tree_size": 2**64 - 1}, {"tree_size": 2**64}, {"root": "CD" * 32}, {"witnessed": 1}):
        yield json.dumps({**mark, **changed}, separators=(",", ":")).encode()
    yield json.dumps(mark).encode()
    yield json.dumps(dict(reversed(mark.items())), separators=(",", ":")).encode()


def certificate(name: str, issuer: str, public: object, signer: object, extensions: list[tuple[object, bool]]) -> bytes:
    def called(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])

    builder = x509.CertificateBuilder(called(issuer), called(name), public, int.from_bytes(name.encode(), "big"))
    builder = builder.not_valid_before(datetime.datetime(2020, 1, 1)).not_valid_after(datetime.datetime(2120, 1, 1))
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return builder.sign(signer, None).public_bytes(Encoding.DER)


def usage(**wanted: bool) -> x509.KeyUsage:
    names = "digital_signature content_commitment key_encipherment data_encipherment key_agreement"
    every = [*names.split(), "key_cert_sign", "crl_sign", "encipher_only", "decipher_only"]
    return x509.KeyUsage(**{name: wanted.get(name, False) for name in every})


def root_certificate() -> tuple[bytes, ed25519.Ed25519PrivateKey]:
    key = ed25519.Ed25519PrivateKey.from_private_bytes(b"\x11" * 32)
    is_ca = [(x509.BasicConstraints(True, None), True), (usage(key_cert_sign=True), True)]
    return certificate("root", "root", key.public_key(), key, is_ca), key


def leaf(*names: str, issuer: tuple[str, object] | None = None, ca: bool = False, sign: bool = True) -> bytes:
    """A leaf for KEY with these URIs as its names."""
    by, key = issuer or ("root", root_certificate()[1])
    san = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(name) for name in names])
    extensions = [(x509.BasicConstraints(ca, None), True), (usage(digital_signature=sign, key_agreement=True), True)]
    return certificate("leaf", by, KEY.public_key(), key, [*extensions, (san, False)])


def judged() -> Iterable[bytes]:
    """Statements that reach every way to a key, most of them with signatures that verify."""
    base = {1: -8, 3: "application/json", 4: KID, 15: CLAIMS}
    yield sign1(base, b"listed")
    yield sign1({**base, 1: -19}, b"listed, by the new number")
    yield sign1({**base, 15: {**CLAIMS, 1: "https://issuer.example/below"}}, b"below the prefix")
    yield sign1({**base, 15: {**CLAIMS, 1: "https://issuer.example.evil.org"}}, b"beside the prefix")
    yield sign1({**base, 4: EC_KID}, b"unknown key")
    yield sign1({**base, 15: {**CLAIMS, 2: "urn:stele:log:" + "00" * 32}}, b"a log's subject")
    dids = [(DID_KEY, b"#" + DID_KEY[8:], KEY, -8), (EC_DID_KEY, EC_KID, EC_KEY, -7), (did_jwk(COSE_KEY), b"#0", KEY, -8)]
    for did, kid, key, alg in [*dids, (did_jwk(EC_COSE_KEY), EC_KID, EC_KEY, -9)]:
        header = {**base, 1: alg, 4: kid, 15: {1: did.decode(), 2: "s"}}
        yield sign1(header, b"self-certifying", key=key)
        yield sign1({**header, 4: did + b"#" + kid.removeprefix(b"#")}, b"the whole DID URL", key=key)
        yield sign1({**header, 1: -8}, b"another key", key=KEY)
    x509_claims = {1: "https://x509.example/a", 2: "s"}
    root, root_key = root_certificate()
    good, second = leaf("https://x509.example/a"), ed25519.Ed25519PrivateKey.from_private_bytes(b"\x22" * 32)
    is_ca = [(x509.BasicConstraints(True, 0), True), (usage(key_cert_sign=True), True)]
    middle = certificate("middle", "root", second.public_key(), root_key, is_ca)
    below = leaf("https://x509.example/a", issuer=("middle", second))
    chained = {1: -8, 3: "application/json", 15: x509_claims}
    chains: list[object] = [good, [good, root], [below, middle], [below, middle, root], [middle, below], below]
    chains += [leaf("https://other.example"), leaf("https://x509.example/a", ca=True), leaf("https://x509.example/a", sign=False)]
    chains += [good[:-1], b"", [b"", b""], root]
    for chain in chains:
        yield sign1({**chained, 33: chain}, b"by certificate")
    digest = [-16, hashlib.sha256(good).digest()]
    yield sign1({**chained, 34: digest}, b"x5t", {33: good})
    yield sign1({**chained, 34: digest}, b"x5t of another", {33: below})
    yield sign1({**chained, 34: digest}, b"x5t alone")
    yield sign1({**chained, 34: digest, 33: good}, b"both")
    yield sign1({**chained, 4: KID}, b"kid and chain", {33: good})
    yield sign1({**chained, 4: hashlib.sha256(good).digest()}, b"kid of the leaf", {33: good})
    control = {**base, 3: "application/vnd.stele.policy+json", "stele.log": KID, "stele.follows": KID}
    yield sign1({**control, 15: {1: "https://ts.example", 2: "policy"}}, b"{}")


def signature_line(text: str, name: str, type_byte: bytes = b"\x01") -> str:
    key_id = hashlib.sha256(name.encode() + b"\n" + type_byte + X).digest()[:4]
    return f"\u2014 {name} {base64.b64encode(key_id + KEY.sign(text.encode())).decode()}\n"


def note(text: str, *names: str) -> bytes:
    return (text + "\n" + "".join(signature_line(text, name) for name in names)).encode()


def notes() -> Iterable[bytes]:
    for text in ("a note\n", "two\nlines\n", "an empty line\n\nwithin\n", "\n", "ünïcödé\n", "x" * 500 + "\n"):
        yield note(text, "example.com/log")
        yield note(text, "example.com/log", "witness.example/w1")
    yield note("none\n")
    yield note("twice\n", "a", "a")
    yield note("many\n", *(f"w{n}" for n in range(16)))
    yield note("too many\n", *(f"w{n}" for n in range(65)))
    yield note("no end", "a")
    yield note("control\x01\n", "a")
    yield note("tab\t\n", "a")
    yield note("plus\n", "a+b")
    yield note("space\n", "a b")
    whole = signature_line("padded\n", "a")
    blob = whole.rstrip("\n").rsplit(" ", 1)[1]
    yield ("padded\n\n" + whole.replace(blob, twice_padded(base64.b64decode(blob)))).encode()
    yield ("example.com/foo+530d903a+" + twice_padded(base64.b64decode("AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"))).encode()
    yield b"PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    yield b"example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
    yield b"witness.example/w1+eb762cc2+BNdamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea"
    yield b"log.example/scitt+a6f9a921+AddamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea"
    yield from pieces(note("a note\n", "example.com/log"), 4)


def checkpoints() -> Iterable[bytes]:
    for root in VECTORS["roots"][1:]:
        yield checkpoint(root["size"], bytes.fromhex(root["root"]))
    empty = hashlib.sha256(b"").digest()
    some = bytes.fromhex(VECTORS["roots"][3]["root"])
    yield checkpoint(0, empty)
    yield checkpoint(0, some)
    yield checkpoint(2**64 - 1, some)
    yield checkpoint(2**64, some)
    yield checkpoint("03", some)
    yield checkpoint("-1", some)
    yield checkpoint(3, some[:31])
    yield checkpoint(3, some + b"x")
    yield checkpoint(3, some, padded=True)
    yield checkpoint(3, some, "extension\n")
    yield checkpoint(3, some, "one\ntwo\n")
    yield checkpoint(3, some, "\n")
    yield checkpoint(3, some, origin="")
    yield checkpoint(3, some, origin="an origin with spaces")
    yield note("log.example\n3\n", "log.example")
    yield from pieces(checkpoint(3, some), 3)


def twice_padded(data: bytes) -> str:
    """Base64 with padding in the middle, which some decoders take for the same bytes."""
    return base64.b64encode(data[:1]).decode() + base64.b64encode(data[1:]).decode()


def checkpoint(size: int | str, root: bytes, more: str = "", origin: str = "log.example/scitt", padded: bool = False) -> bytes:
    encoded = twice_padded(root) if padded else base64.b64encode(root).decode()
    return note(f"{origin}\n{size}\n{encoded}\n{more}", "log.example/scitt")

COSIGNED = json.loads((HERE / "../../proofs/tests/data/cosignature/transparency-dev.json").read_text())


def cosigner_vkey(name: str, type_byte: int = 4, key: bytes = X) -> str:
    typed = bytes([type_byte]) + key
    key_id = hashlib.sha256(name.encode() + b"\n" + typed).digest()[:4].hex()
    return f"{name}+{key_id}+{base64.b64encode(typed).decode()}"


def tlog_policies() -> Iterable[bytes]:
    keys = [ed25519.Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32).public_key().public_bytes_raw() for n in range(1, 7)]
    w = [cosigner_vkey(f"w{n}", 4, key) for n, key in enumerate(keys)]
    log = cosigner_vkey("log.example", 1)
    all_of_them = f"log {log} https://log.example/\n" + "".join(f"witness W{n} {key}\n" for n, key in enumerate(w))
    lines = [
        "quorum none\n", "quorum W1\n", "group G any W0 W1\nquorum G\n", "group G all W0 W1\nquorum G\n",
        "group G 2 W0 W1 W2\ngroup H any W3 W4\ngroup I all G H\nquorum I\n", "group G 0 W0\nquorum G\n",
        "group G 3 W0 W1\nquorum G\n", "group G 01 W0\nquorum G\n", "group G 1 W0 W0\nquorum G\n",
        "group none 1 W0\nquorum none\n", "group G 1 G\nquorum G\n", "quorum W9\n", "quorum\n", "quorum none\nquorum none\n",
        "# comment\n\n \t\nquorum W0\n", "quorum none", "quorum none\r\n", f"witness Z {w[0]}\nquorum Z\n", f"log {log}\nquorum none\n",
        "\tquorum   W0 \n", "group G 1 W0\ngroup H 1 W0\nquorum H\n", "unknown\nquorum none\n",
    ]
    for line in lines:
        yield (all_of_them + line).encode()
    yield b""
    yield b"quorum none\n"
    yield b"witness \xff\xfe " + w[0].encode() + b"\nquorum \xff\xfe\n"
    yield f"witness W {COSIGNED['mldsa_vkey']} https://w.example\nquorum W\n".encode()
    yield f"log {COSIGNED['mldsa_vkey']}\nquorum none\n".encode()
    yield f"log {w[0]}\nquorum none\n".encode()
    yield f"witness W {log}\nquorum W\n".encode()
    yield from pieces((all_of_them + lines[4]).encode(), 4)


def witness_requests() -> Iterable[bytes]:
    some = base64.b64encode(hashlib.sha256(b"x").digest()).decode() + "\n"
    head = checkpoint(14, hashlib.sha256(b"root").digest()).decode()
    for first in ("old 0", "old 1", "old 14", "old 15", "old 01", "old -1", "old", "old 18446744073709551615", "old 18446744073709551616", "new 1"):
        yield f"{first}\n\n{head}".encode()
    for count in (1, 4, 63, 64):
        yield f"old 7\n{some * count}\n{head}".encode()
    for span in ("8 13", "0 14", "0 0", "13 13", "13 8", "8 17", "8 16", "08 13", "8", "9223372036854775808 18446744073709551615"):
        yield f"subtree {span}\n{some * 5}\n{head}".encode()
    yield f"subtree 8 13\n\n{head}".encode()
    yield f"old 1\nAAAA\n\n{head}".encode()
    yield b"old 1\n\n"
    yield b"20852014\n"
    yield b"0\n"
    yield b"01\n"
    yield from pieces(f"old 7\n{some * 3}\n{head}".encode(), 4)


def cosignatures() -> Iterable[bytes]:
    for kind in ("ed25519", "mldsa"):
        vkey, whole = COSIGNED[f"{kind}_vkey"], COSIGNED[f"{kind}_note"]
        yield f"{vkey}\n{whole}".encode()
        yield (whole.split("\n\n")[1]).encode()
        yield vkey.encode() + b"\n"
        yield f"{vkey}\n{COSIGNED['plain_note']}".encode()
        yield from pieces(f"{vkey}\n{whole}".encode(), 4)
    for type_byte in (0, 1, 2, 4, 5, 6, 255):
        yield cosigner_vkey("w.example", type_byte).encode() + b"\n"
        yield cosigner_vkey("a b", type_byte, X[:31]).encode() + b"\n"
    yield COSIGNED["subtree"]["line"].encode()
    yield COSIGNED["plain_note"].split("\n\n")[1].encode()
    yield b"w+00000000+BA==\n"
    yield b"\n"


def tiles() -> Iterable[bytes]:
    paths = "0/000 0/255 1/x001/000 63/x001/x234/067 0/000.p/1 7/x001/000.p/255 0/000.p/256 0/000.p/0 64/000 0/0 00/000"
    for path in paths.split():
        yield f"tile/{path}".encode()
        yield path.encode()
    for path in ("000", "x001/000.p/9", "x999/x999/999", "x18446744073709551615/000"):
        yield f"tile/entries/{path}".encode()
        yield f"entries/{path}".encode()
    entry = hashlib.sha256(b"entry").digest()
    for count in (1, 2, 9):
        yield (len(entry).to_bytes(2, "big") + entry) * count
    yield b"\x00\x00"
    yield b"\x00\x00" * 256
    yield b"\x00\x00" * 257
    yield b"\x00\x05four"


def page_row(index: int, statement: bytes | None, collateral: object) -> bytes:
    return cbor2.dumps([index, hashlib.sha256(statement or b"").digest(), statement, collateral])


def pages() -> Iterable[bytes]:
    statement = bytes.fromhex(VECTORS["statements"][0]["cbor"])
    record = cbor({1: 1, 4: 1790000000, 5: 1790000001})
    digest = [-16, hashlib.sha256(record).digest()]
    whole = b"".join(page_row(n, statement, record) for n in range(500, 503)) + cbor(503)
    yield whole
    yield from (cbor(n) for n in (0, 23, 24, 2**32, 2**64 - 1, -1))
    yield page_row(0, statement, record)
    yield page_row(0, None, digest) + cbor(1)
    yield page_row(0, statement, record) + page_row(1, None, digest) + cbor(2)
    yield page_row(0, statement, record) + page_row(2, statement, record) + cbor(3)
    yield page_row(0, statement, record) + page_row(0, statement, record) + cbor(1)
    yield page_row(2**64 - 1, statement, record) + cbor(2**64 - 1)
    yield page_row(0, b"", b"") + cbor(1)
    yield page_row(0, statement, [-44, digest[1]]) + cbor(1)
    yield page_row(0, statement, [-16, b"short"]) + cbor(1)
    yield page_row(0, statement, None) + cbor(1)
    yield page_row(0, statement, digest + [1]) + cbor(1)
    yield cbor([0, b"\0" * 31, None, digest]) + cbor(1)
    yield cbor([0, b"\0" * 32, False, digest]) + cbor(1)
    yield cbor([-1, b"\0" * 32, None, digest]) + cbor(1)
    yield cbor([0, b"\0" * 32, None]) + cbor(1)
    yield cbor([]) + cbor(1)
    yield cbor(0) + cbor(0)
    yield b"\x9f" + whole + b"\xff"
    yield from pieces(whole, 6)


def tlog_proofs() -> Iterable[bytes]:
    def node(left: bytes, right: bytes) -> bytes:
        return hashlib.sha256(b"\1" + left + right).digest()

    def proof(index: int | str, path: list[bytes], note: bytes, extra: str = "") -> bytes:
        lines = "".join(base64.b64encode(hash).decode() + "\n" for hash in path)
        return f"c2sp.org/tlog-proof@v1\n{extra}index {index}\n{lines}\n".encode() + note

    leaf = hashlib.sha256(b"\0entry").digest()
    others = [hashlib.sha256(bytes([n])).digest() for n in range(64)]
    two, four = node(leaf, others[0]), node(node(others[1], others[2]), node(leaf, others[0]))
    yield proof(0, [], checkpoint(1, leaf))
    yield proof(0, others[:1], checkpoint(2, two))
    yield proof(2, [others[0], node(others[1], others[2])], checkpoint(4, four))
    yield proof(1, others[:1], checkpoint(2, two))
    yield proof(0, others[1:2], checkpoint(2, two))
    yield proof(0, others[:2], checkpoint(2, two))
    yield proof(2, others[:1], checkpoint(2, two))
    yield proof(2**64 - 2, others, checkpoint(2**64 - 1, two))
    yield proof(0, [*others, leaf], checkpoint(2**64 - 1, two))
    for index in ("01", "-1", "+1", "", "1 ", 2**64, 2**64 - 1):
        yield proof(index, others[:1], checkpoint(2, two))
    for extra in ("extra aGVsbG8=\n", "extra \n", "extra aGVsbG8\n", "extra\n", "extra aGVsbG8=\nextra aGVsbG8=\n"):
        yield proof(0, others[:1], checkpoint(2, two), extra)
    yield proof(0, [leaf[:31]], checkpoint(2, two))
    yield proof(0, others[:1], checkpoint(2, two, "extension\n"))
    yield proof(0, others[:1], checkpoint(2, two, origin="log.example/other"))
    yield proof(0, others[:1], note("no checkpoint\n", "log.example/scitt"))
    yield proof(0, others[:1], b"")
    yield proof(0, others[:1], checkpoint(2, two)).replace(b"\n", b"\r\n")
    yield proof(0, others[:1], checkpoint(2, two)).replace(b"@v1", b"@v2")
    yield from pieces(proof(2, [others[0], node(others[1], others[2])], checkpoint(4, four), "extra aGVsbG8=\n"), 5)


def profile_payloads(*paths: str, extra: Iterable[bytes] = ()) -> Iterable[bytes]:
    """Records of one system: the vectors of the tests, and each broken in a few ways."""
    good = list(extra)
    for path in paths:
        for file in sorted((HERE.parent / "tests/data").glob(path)):
            text = file.read_text()
            if file.suffix == ".jsonl":
                good += [line.encode() for line in text.splitlines()]
                continue
            value = json.loads(text)
            found = list(records(value)) or [value]
            good += [json.dumps(one, separators=(",", ":")).encode() for one in found]
    good = [one for one in dict.fromkeys(good) if len(one) <= 8192]
    yield from good
    for one in good[:4]:
        yield from pieces(one, 3)
        yield one[:-1] + b',"a":1,"a":2}'
        yield one[:-1] + b',"x":"\\ud800"}'
        yield one[:-1] + b',"x":' + b"[" * 70 + b"]" * 70 + b"}"
        yield one[:-1] + b',"x":[3.0,1e3,-0,9007199254740992,18446744073709551616]}'


def records(value) -> Iterable[dict]:
    """The records inside a vector file."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name in ("record", "document", "signed_event", "attestation", "attestation_a", "attestation_b"):
                yield inner
            else:
                yield from records(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from records(inner)


def hashed_rekords() -> Iterable[bytes]:
    sent = json.loads((HERE.parent / "tests/data/rekor/agent-manifest-0.15.0.json").read_text())
    spec = sent["spec"]
    yield from documents([sent, {**sent, "unknown": [1, {"a": None}]}], ["apiVersion", "kind", "spec"])
    for name in spec:
        yield compact({**sent, "spec": {key: value for key, value in spec.items() if key != name}})
    for digest in ("", "00" * 31, "0g" * 32, "AB" * 32, "00" * 33, 7):
        yield compact({**sent, "spec": {**spec, "data": {"hash": {"algorithm": "sha256", "value": digest}}}})
    for content in ("", "!", "MEUCIQ==", "MEUCIQ", "____", None):
        yield compact({**sent, "spec": {**spec, "signature": {**spec["signature"], "content": content}}})
    for key in ("", "aGVsbG8=", "LS0tLS1CRUdJTiA=", "LS0tLS1CRUdJTiA"):
        yield compact({**sent, "spec": {**spec, "signature": {**spec["signature"], "publicKey": {"content": key}}}})
    yield compact({**sent, "deep": json.loads("[" * 9 + "]" * 9)})
    yield compact({**sent, "many": [0] * 70})


def cut_records() -> Iterable[bytes]:
    """Two bytes for the size of pieces and the longest line, then lines, arrays and envelopes."""
    event = b'{"event_id": "e-1", "event_type": "INJECT_SUCCESS", "annotations": {"a": [1.0, -0, 1e3]}}'
    envelope = b'{"specversion":"1.0", "id":"1","source":"s","type":"t", "data" : ' + event + b" }"
    contents = [
        b"", b"\n", b"\r\n\n \t\n", event, event + b"\n", event + b"\r\n" + event, b"\n\n" + event + b"\n\n",
        b"x" * 40 + b"\n" + event, event + b"\n" + b"x" * 300, b"\r\r\n\r", b"[]", b" [ ] ", b"[1]", b"[1,2 , 3\n]",
        b"[" + event + b"]", b"[" + event + b" ,\n" + envelope + b"]", b"[[[]]]", b"[1,]", b"[,]", b"[1 2]", b"[1]]", b"[",
        b'["]","[\\"",{"}":1}]', b"[" * 200 + b"]" * 200, b"[" + b"0," * 70 + b"0]", b"[1.0,-0,1e3,18446744073709551616]",
        b'["\\ud800"]', b"[\xff]", b"{}", envelope, b'{"data":1}', b'{"d\\u0061ta":{"data":2}}', b'{"a":{"data":1}}',
        b'{"data":1,"data":[2]}', b'{"data"}', b'{"data":}', b'{"data":1', b'{1:"data"}',
    ]
    for number, content in enumerate(contents):
        yield bytes([number % 7 + 1, 30 * (number % 5) + 20]) + content


def trace_records() -> Iterable[bytes]:
    revocation = {"type": "TraceRevocation/1.0", "compromised_key_id": "a", "last_valid_entry_id": "20", "log_id": "07" * 32}
    revocation |= {"revocation_key_id": "b", "sig": {"alg": "ed25519", "value": "AAAA"}}
    folders = ("trace/vectors/signed-local/*.json", "trace/vectors/conformance/*.json", "trace/vectors/canonicalization/*.json")
    yield from profile_payloads(*folders, extra=[json.dumps(revocation).encode()])


def aigp_events() -> Iterable[bytes]:
    yield from profile_payloads("aigp/vectors/*.json", "aigp/vectors/*.jsonl", "aigp/negative/homepage-sample.json", "aigp/examples-v0.8/*.json")


def evidence_documents() -> Iterable[bytes]:
    yield from profile_payloads("agent-evidence/samples/*.json")


def iatp_documents() -> Iterable[bytes]:
    event = {"event_id": "e", "agent_id": "a", "event_type": "timeout", "severity": "low", "score_delta": -0.5, "timestamp": "2026-01-01T00:00:00Z"}
    yield from profile_payloads("iatp/vectors/*.json", "iatp/manifests/*.json", extra=[json.dumps(event).encode()])


def agent_traces() -> Iterable[bytes]:
    yield from profile_payloads("agent-trace/examples/*.json", "agent-trace/vectors/*.json", "agent-trace/reference-output/*.jsonl")


SEEDS = {
    "anchors": anchors,
    "cbor": items,
    "checkpoint": checkpoints,
    "cosignature": cosignatures,
    "collateral": collaterals,
    "did": dids,
    "genesis": geneses,
    "judge": judged,
    "key": keys,
    "key_forms": key_forms,
    "manifest": manifests,
    "note": notes,
    "notice": notices,
    "policy": policies,
    "profile_agent_evidence": evidence_documents,
    "profile_agent_trace": agent_traces,
    "profile_aigp": aigp_events,
    "profile_iatp": iatp_documents,
    "profile_trace": trace_records,
    "rekor": hashed_rekords,
    "records": cut_records,
    "receipt": receipts,
    "sequence": sequences,
    "statement": statements,
    "tile": tiles,
    "page": pages,
    "tlog_policy": tlog_policies,
    "tlog_proof": tlog_proofs,
    "witness": witness_requests,
    "transparent": transparent,
}


def main() -> None:
    (HERE / "data").mkdir(exist_ok=True)
    (HERE / "data/root.der").write_bytes(root_certificate()[0])
    for target, make in SEEDS.items():
        folder = HERE / "seeds" / target
        folder.mkdir(parents=True, exist_ok=True)
        # Only the numbered ones are made here; a seed with a name was put there by hand.
        for old in folder.glob("[0-9]*"):
            old.unlink()
        found = list(dict.fromkeys(make()))
        for number, seed in enumerate(found):
            (folder / f"{number:02}").write_bytes(seed)
        print(f"{target}: {len(found)} seeds")
        assert len(found) >= 30, f"{target} has too few"


if __name__ == "__main__":
    main()
