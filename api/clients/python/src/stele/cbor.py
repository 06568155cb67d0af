"""Deterministic CBOR (RFC 8949 §4.2.1), written with cbor2 and read by a reader that takes nothing else for granted.

cbor2 accepts long heads, indefinite lengths, duplicate keys and bytes behind the item. What is signed or proves
something must have one reading only, so those are errors here.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

import cbor2

from .errors import InvalidReceipt

MAX_DEPTH = 16
MAX_ITEMS = 65_536

_ONE_BYTE, _EIGHT_BYTES, _TEXT, _ARRAY, _MAP, _TAG = 24, 27, 3, 4, 5, 6
_SIMPLE: dict[int, bool | None] = {20: False, 21: True, 22: None}
_FLOATS = {25: ">e", 26: ">f", 27: ">d"}


@dataclass(frozen=True)
class Tag:
    """A tagged item."""

    number: int
    value: Any


def encode(value: Any) -> bytes:
    """The deterministic encoding of plain values and [`cbor2.CBORTag`]."""
    return cbor2.dumps(value, canonical=True)


def tagged(number: int, value: Any) -> bytes:
    """The deterministic encoding of a tagged item."""
    return encode(cbor2.CBORTag(number, value))


def decode(data: bytes) -> Any:
    """Reads exactly one item: shortest heads, definite lengths, no duplicate keys, nothing behind it.

    Raises `InvalidReceipt`.
    """
    reader = _Reader(data)
    value = reader.item(MAX_DEPTH)
    if reader.at != len(data):
        raise InvalidReceipt("bytes follow the CBOR item")
    return value


def decode_sequence(data: bytes) -> list[tuple[Any, bytes]]:
    """Reads a sequence (RFC 8742) as strictly: each item, and its bytes. Raises `InvalidReceipt`."""
    reader = _Reader(data)
    found = []
    while reader.at < len(data):
        start, reader.items = reader.at, 0
        value = reader.item(MAX_DEPTH)
        found.append((value, data[start : reader.at]))
    return found


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0
        self.items = 0

    def take(self, length: int) -> bytes:
        if length > len(self.data) - self.at:
            raise InvalidReceipt("the CBOR ends too early")
        self.at += length
        return self.data[self.at - length : self.at]

    def argument(self, info: int) -> int:
        if info < _ONE_BYTE:
            return info
        if info > _EIGHT_BYTES:
            raise InvalidReceipt("indefinite lengths are not deterministic CBOR")
        size = 1 << (info - _ONE_BYTE)
        number = int.from_bytes(self.take(size), "big")
        least = _ONE_BYTE if size == 1 else 1 << (4 * size)
        if number < least:
            raise InvalidReceipt("a CBOR head is longer than needed")
        return number

    def item(self, depth: int) -> Any:
        self.items += 1
        if depth == 0 or self.items > MAX_ITEMS:
            raise InvalidReceipt("the CBOR is nested too deeply or holds too much")
        head = self.take(1)[0]
        major, info = head >> 5, head & 31
        if major > _TAG:
            return self.simple(info)
        number = self.argument(info)
        if major <= 1:
            return -1 - number if major else number
        if major <= _TEXT:
            return self.string(major, number)
        if major == _ARRAY:
            return [self.item(depth - 1) for _ in range(number)]
        if major == _MAP:
            return self.map(number, depth)
        return Tag(number, self.item(depth - 1))

    def simple(self, info: int) -> bool | float | None:
        if info in _SIMPLE:
            return _SIMPLE[info]
        if info in _FLOATS:
            form = _FLOATS[info]
            (number,) = struct.unpack(form, self.take(struct.calcsize(form)))
            return float(number)
        raise InvalidReceipt("a CBOR simple value that has no place here")

    def string(self, major: int, length: int) -> bytes | str:
        raw = self.take(length)
        if major != _TEXT:
            return raw
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError:
            raise InvalidReceipt("a CBOR text is not UTF-8") from None

    def map(self, length: int, depth: int) -> dict[Any, Any]:
        found: dict[Any, Any] = {}
        for _ in range(length):
            key = self.item(depth - 1)
            # `True == 1` in Python, so only the two kinds of labels that COSE has may be keys.
            if isinstance(key, bool) or not isinstance(key, (int, str)):
                raise InvalidReceipt("a CBOR map has a key that is neither an integer nor text")
            if key in found:
                raise InvalidReceipt("a CBOR map has a key twice")
            found[key] = self.item(depth - 1)
        return found
