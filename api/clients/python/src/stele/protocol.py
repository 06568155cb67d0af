"""What to say to a transparency service and how to understand it: every rule once, without input or output."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, cast

from . import cbor, registry
from .anchored import Anchored, AnchorOptions, Door, Hit, Prepared, RegistryAnchor, StatementOptions
from .errors import Finding, InvalidReceipt, InvalidRecord, NotFound, Overloaded, Refused, ServiceFailed, SteleError
from .keys import KeySet, PublicKey, SigningKey
from .receipts import Receipt
from .records import AnyRecord, Record, prepare
from .retry import Retry
from .statements import COSE_SIGN1, Statement, sign_statement
from .wire import (
    ACCEPTED,
    CBOR,
    COSE,
    CREATED,
    JSON,
    KEYS,
    OK,
    SEQUENCE,
    Call,
    Talk,
    Wait,
    element,
    expect,
    json_object,
    located,
    locator,
    query,
    settled,
)

if TYPE_CHECKING:
    from typing_extensions import Unpack

# One batch. The service's own bounds are wider by default; where they are narrower, a batch is halved.
BATCH_ENTRIES, BATCH_BYTES = 256, 4 * 1024 * 1024
PAGE = 200
_NOT_YET_ANCHORED, _ANCHOR_POLL = "Not Yet Anchored", 1.0


class Protocol:
    """The talks with one service. Holds its pinned keys and the producer's defaults."""

    def __init__(
        self,
        url: str,
        *,
        keys: KeySet | None,
        service: str | None,
        key: SigningKey | None,
        issuer: str | None,
        door: Door,
        token: str | None,
        read_token: str | None,
        retry: Retry,
    ) -> None:
        self.url = url
        self.held = keys
        self.pinned = keys is not None
        self.service = service
        self.key = key
        self.issuer = issuer
        self.door = door
        self.token = token
        self.read_token = read_token
        self.retry = retry

    # Registering.

    def prepare(self, record: AnyRecord, **options: Unpack[StatementOptions]) -> Prepared:
        """Signs a statement about the record; says nothing to anybody. Raises `InvalidRecord`."""
        named = options.get("key")
        signer = self.key if named is None else SigningKey.of(named)
        if signer is None:
            raise InvalidRecord("no key to sign the statement with: anchor(record, key=...) or Ledger(url, key=...)")
        what = _record(record, options)
        statement = sign_statement(
            what.content,
            signer,
            issuer=options.get("issuer") or self.issuer or signer.public.did_key,
            subject=what.subject,
            content_type=what.content_type,
            hash_envelope=options.get("hash_envelope", False),
            location=options.get("location"),
        )
        return Prepared(statement, what.content, signer.public)

    def anchor(self, record: AnyRecord, **options: Unpack[AnchorOptions]) -> Talk[Anchored]:
        """Registers a record through the door that is wanted."""
        door = options.pop("door", None) or self.door
        # Without its door it is what is left of it.
        said = cast("StatementOptions", options)
        if door == "registrar":
            return (yield from self._hand_in(record, said))
        if door != "statement":
            raise InvalidRecord(f"there is no door {door!r}; there are 'statement' and 'registrar'")
        return (yield from self.register(self.prepare(record, **said)))

    def register(self, prepared: Prepared) -> Talk[Anchored]:
        """Registers what `prepare` made, and verifies the receipt."""
        keys = yield from self.keys()
        receipt = yield from self._receipt_for(prepared.statement)
        return self._anchored(prepared, receipt, keys)

    def register_statement(self, statement: bytes) -> Talk[bytes]:
        """Registers a statement that was signed elsewhere; the receipt, verified."""
        parsed, _ = Statement.parse(statement)
        keys = yield from self.keys()
        receipt = yield from self._receipt_for(parsed)
        Receipt.parse(receipt).verify(parsed, keys, self.service)
        return receipt

    def register_many(self, prepared: Sequence[Prepared]) -> Talk[list[Anchored | SteleError]]:
        """Registers statements in batches: for each, in order, what became of it."""
        keys = yield from self.keys()
        outcomes: dict[int, Anchored | SteleError] = {}
        unsettled, attempt, waited = list(range(len(prepared))), 0, 0.0
        while unsettled:
            for batch in _batches(unsettled, prepared):
                yield from self._batch(batch, prepared, keys, outcomes)
            later = [outcomes[number] for number in unsettled]
            asked = max((one.retry_after or 0.0 for one in later if isinstance(one, Overloaded)), default=None)
            pause = self.retry.pause(attempt, asked or None)
            unsettled = [number for number in unsettled if isinstance(outcomes[number], Overloaded)]
            if not unsettled or self.retry.gives_up(attempt, waited, pause):
                break
            yield Wait(pause)
            attempt, waited = attempt + 1, waited + pause
        return [outcomes[number] for number in range(len(prepared))]

    def _receipt_for(self, statement: Statement) -> Talk[bytes]:
        answer = yield from settled(Call("POST", "/entries", COSE, statement.cose), self.retry)
        if answer.status == CREATED:
            return answer.body
        if answer.status == ACCEPTED:
            return (yield from self.receipt(statement.entry_id))
        raise ServiceFailed(answer.status, {"title": "an answer to a registration that makes no sense"})

    def _batch(
        self,
        batch: list[int],
        prepared: Sequence[Prepared],
        keys: KeySet,
        outcomes: dict[int, Anchored | SteleError],
    ) -> Talk[None]:
        if len(batch) == 1:
            (number,) = batch
            try:
                receipt = yield from self._receipt_for(prepared[number].statement)
                outcomes[number] = self._anchored(prepared[number], receipt, keys)
            except (Refused, InvalidReceipt, Overloaded) as error:
                outcomes[number] = error
            return
        body = b"".join(prepared[number].statement.cose for number in batch)
        call = Call("POST", "/entries/batch", SEQUENCE, body, content_type=SEQUENCE)
        try:
            answer = expect((yield from settled(call, self.retry)), OK)
        except Refused:
            # Not one of its statements but the batch: too large here, or unknown to this service.
            half = len(batch) // 2
            yield from self._batch(batch[:half], prepared, keys, outcomes)
            yield from self._batch(batch[half:], prepared, keys, outcomes)
            return
        items = iter(cbor.decode_sequence(answer.body))
        for number in batch:
            outcomes[number] = yield from self._outcome(next(items, None), prepared[number], keys)

    def _outcome(self, item: tuple[Any, bytes] | None, prepared: Prepared, keys: KeySet) -> Talk[Anchored | SteleError]:
        match item:
            case (cbor.Tag(number=number), raw) if number == COSE_SIGN1:
                receipt = raw
            case (str(url), _) if located(url) == prepared.entry_id:
                receipt = yield from self.receipt(prepared.entry_id)
            case (dict(said), _):
                return element(said)
            case _:
                return ServiceFailed(OK, {"title": "the answer to a batch is not complete"})
        try:
            return self._anchored(prepared, receipt, keys)
        except InvalidReceipt as error:
            return error

    def _anchored(self, prepared: Prepared, raw: bytes, keys: KeySet, findings: tuple[Finding, ...] = ()) -> Anchored:
        receipt = Receipt.parse(raw)
        receipt.verify(prepared.statement, keys, self.service)
        return Anchored(
            entry_id=prepared.statement.entry_id,
            leaf_index=receipt.leaf_index,
            tree_size=receipt.tree_size,
            registered_at=receipt.registered_at,
            receipt=raw,
            statement=prepared.statement.cose,
            content=prepared.content,
            issuer_key=prepared.issuer_key,
            keys=keys,
            service=self.service,
            pinned=self.pinned,
            findings=findings,
        )

    # The registrar's door.

    def _hand_in(self, record: AnyRecord, options: StatementOptions) -> Talk[Anchored]:
        """Hands in a record unsigned; what the service made of it has to be exactly that, and is verified."""
        for name in ("key", "issuer", "subject", "location"):
            if options.get(name) is not None:
                raise InvalidRecord(f"at the registrar's door the service signs: {name} cannot be named")
        what, envelope = _record(record, options), options.get("hash_envelope", False)
        keys = yield from self.keys()
        path = "/evidence?envelope=sha-256" if envelope else "/evidence"
        call = Call("POST", path, JSON, what.content, content_type=what.content_type, token=self.token)
        answer = yield from settled(call, self.retry)
        if answer.status not in (OK, CREATED, ACCEPTED):
            raise ServiceFailed(answer.status, {"title": "an answer to evidence that makes no sense"})
        said = json_object(answer.body)
        try:
            entry_id = locator(said.get("entry_id"))
        except InvalidRecord:
            raise ServiceFailed(answer.status, {"title": "the answer names no entry"}) from None
        receipt = _base64(said.get("receipt")) or (yield from self.receipt(entry_id))
        statement, _ = Statement.parse((yield from self.statement(entry_id)))
        whole = (statement.hash_envelope, statement.content_type) == (envelope, what.content_type)
        if not whole or not statement.covers(what.content) or statement.issuer != Receipt.parse(receipt).issuer:
            raise InvalidReceipt("the service registered something else than what it was handed")
        prepared = Prepared(statement, what.content, None)
        return self._anchored(prepared, receipt, keys, Finding.all_of(said.get("findings")))

    # Reading.

    def keys(self) -> Talk[KeySet]:
        """The pinned keys; if there are none, those that the service shows now, kept from then on."""
        if self.held is None:
            self.held = KeySet.from_cose((yield from self._get(KEYS, CBOR)))
        return self.held

    def receipt(self, entry_id: str) -> Talk[bytes]:
        """A fresh receipt; waits while the service says that it is to come."""
        call = Call("GET", f"/entries/{locator(entry_id)}", COSE)
        answer = yield from settled(call, self.retry, awaited=True)
        return expect(answer, OK).body

    def statement(self, entry_id: str) -> Talk[bytes]:
        """The statement of an entry, proven to be it."""
        data = yield from self._get(f"/statements/{locator(entry_id)}", COSE, self.read_token)
        statement, _ = Statement.parse(data)
        if statement.entry_id != entry_id:
            raise InvalidReceipt("the service sent another statement")
        return data

    def fetch(self, entry_id: str, issuer_key: PublicKey | None = None) -> Talk[Anchored]:
        """An entry with its receipt, verified: what `anchor` gave whoever registered it."""
        keys = yield from self.keys()
        statement, _ = Statement.parse((yield from self.statement(entry_id)))
        known = issuer_key or PublicKey.from_did_key(statement.issuer)
        if known is not None:
            statement.verify(known)
        receipt = yield from self.receipt(entry_id)
        return self._anchored(Prepared(statement, statement.payload, known), receipt, keys)

    def summary(self, entry_id: str) -> Talk[dict[str, Any]]:
        """What the service knows of an entry. Its word, unproven."""
        return json_object((yield from self._get(f"/entries/{locator(entry_id)}", JSON, self.read_token)))

    def search(self, terms: dict[str, object]) -> Talk[dict[str, Any]]:
        """One page of entries that fit all terms."""
        return json_object((yield from self._get(query(terms.items()), JSON, self.read_token)))

    def trace_anchor(self, anchored: Anchored, wait: float) -> Talk[RegistryAnchor]:
        """The registry anchor of a TRACE record, proven, as soon as there is one."""
        waited = 0.0
        while True:
            try:
                said = json_object((yield from self._get(f"/trace/anchors/{anchored.entry_id}", JSON)))
                break
            except NotFound as error:
                if error.title != _NOT_YET_ANCHORED or waited >= wait:
                    raise
            yield Wait(_ANCHOR_POLL)
            waited += _ANCHOR_POLL
        entry, proof, batch = registry.read(said)
        registry.verify(anchored.content, entry, proof)
        registered = yield from self.fetch(batch)
        if not registry.is_same(registered.content, entry):
            raise InvalidReceipt("the batch that is on the log is another than the one told")
        return RegistryAnchor(entry, proof, registered)

    def size(self) -> Talk[int]:
        """How many entries the newest checkpoint covers. The service's word, unproven."""
        lines = (yield from self._get("/checkpoint", "text/plain")).split(b"\n", 2)
        if len(lines) != 3 or not lines[1].isdigit():  # noqa: PLR2004
            raise ServiceFailed(OK, {"title": "the checkpoint cannot be read"})
        return int(lines[1][:20])

    def _get(self, path: str, accept: str, token: str | None = None) -> Talk[bytes]:
        answer = yield from settled(Call("GET", path, accept, token=token), self.retry)
        return expect(answer, OK).body


class Tail:
    """Where somebody is who follows a log; each `more` is one page further."""

    def __init__(
        self, protocol: Protocol, after: int | None, terms: dict[str, object], poll: float, *, follow: bool
    ) -> None:
        self.protocol = protocol
        self.after = after
        self.terms = terms
        self.poll = poll
        self.follow = follow
        self._whole = False

    def more(self) -> Talk[list[Hit] | None]:
        """The next page, which may be empty; `None` once everything was seen and nobody follows."""
        if self._whole and not self.follow:
            return None
        if self._whole:
            yield Wait(self.poll)
        asked = self.terms | {"limit": PAGE} | ({} if self.after is None else {"after": self.after})
        page = yield from self.protocol.search(asked)
        hits, following = page.get("hits"), page.get("next")
        if not isinstance(hits, list):
            raise ServiceFailed(OK, {"title": "a page without hits"})
        found = [Hit.read(hit) for hit in hits]
        self._whole = following is None
        reached = [hit.leaf_index for hit in found] + ([following] if isinstance(following, int) else [])
        if reached and max(reached) <= (-1 if self.after is None else self.after):
            raise ServiceFailed(OK, {"title": "a page that does not follow the one before"})
        self.after = max(reached) if reached else self.after
        return found


def _record(record: AnyRecord, options: StatementOptions) -> Record:
    return prepare(
        record,
        system=options.get("system"),
        content_type=options.get("content_type"),
        subject=options.get("subject"),
    )


def _batches(numbers: list[int], prepared: Sequence[Prepared]) -> Iterator[list[int]]:
    batch: list[int] = []
    size = 0
    for number in numbers:
        more = len(prepared[number].statement.cose)
        if batch and (len(batch) == BATCH_ENTRIES or size + more > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(number)
        size += more
    if batch:
        yield batch


def _base64(text: object) -> bytes | None:
    if not isinstance(text, str) or not text:
        return None
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise InvalidReceipt("the receipt is not base64") from None
