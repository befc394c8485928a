"""Alert packets and events: raw bytes are committed before anything is acknowledged or judged.

After a crash `unjudged` gives back, oldest first, the packets that were stored and not judged.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, delete, insert, or_, select, update

from pyros.store.errors import StoreConflictError
from pyros.store.journal import append_lines
from pyros.store.schema import alert_event, alert_stage, packet, request

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection, RowMapping

    from pyros.store.database import Database
    from pyros.store.journal import JournalLine

_SAME_BYTES = (
    select(packet.c.packet_id)
    .where(packet.c.sha256 == bindparam("sum"), packet.c.raw.is_not(None))
    .order_by(packet.c.packet_id)
    .limit(1)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPacket:
    """A packet that is committed.

    Attributes:
        packet_id: Its number, in the order of arrival.
        sha256: Of its bytes, hexadecimal.
        duplicate_of: The first packet with the same bytes, None when this is the first.
    """

    packet_id: int
    sha256: str
    duplicate_of: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PacketRecord:
    """A packet as it stands: what came in, and what was made of it.

    Attributes:
        packet_id: Its number.
        raw: The bytes as received.
        sha256: Of the bytes.
        duplicate_of: The first packet with the same bytes.
        source: Source id, e.g. `vtp`.
        topic: Kafka or MQTT topic.
        received_utc: When it arrived.
        injected: An operator's test.
        ivorn: Its id, None while unread or unreadable.
        notice: The normalised notice as JSON values, None likewise.
        decision: What was decided, None while not judged.
        reasons: Why.
        alert_id: The event it belongs to.
        judged_utc: When it was judged.
    """

    packet_id: int
    raw: bytes
    sha256: str
    duplicate_of: int | None
    source: str
    topic: str | None
    received_utc: datetime
    injected: bool
    ivorn: str | None
    notice: dict[str, Any] | None
    decision: str | None
    reasons: tuple[str, ...]
    alert_id: str | None
    judged_utc: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What was made of a packet.

    Attributes:
        packet_id: Which packet.
        ivorn: Its id, None when it could not be read.
        notice: The normalised notice (a dataclass or a mapping), None when it could not be read.
        decision: `accepted`, `ignored`, `merged`, `retracted`, `unreadable` ...
        reasons: Sentences with numbers.
        alert_id: The event it belongs to, None when there is none.
        judged_utc: When.
    """

    packet_id: int
    ivorn: str | None
    notice: object | None
    decision: str
    reasons: tuple[str, ...]
    alert_id: str | None
    judged_utc: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRecord:
    """An alert event; fields as in the alert handler's `AlertUpdated`, stages kept apart.

    Attributes:
        details: Whatever else the handler needs to go on after a restart, JSON values.
    """

    alert_id: str
    state: str
    ivorn: str
    stream: str
    decision: str
    reasons: tuple[str, ...]
    t0_utc: datetime | None
    ra_deg: float | None
    dec_deg: float | None
    error_deg: float | None
    injected: bool
    received_utc: datetime
    updated_utc: datetime
    sequence_id: str | None
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class StageRecord:
    """A stage of an alert's trace: milliseconds after its first packet was received."""

    alert_id: str
    stage: str
    time_utc: datetime
    after_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUpRecord:
    """A request made for an alert event, and whether it can still be observed."""

    alert_id: str
    request_id: str
    open: bool


def judge_packet(connection: Connection, judgement: Judgement) -> None:
    """Write a judgement inside a transaction.

    Raises:
        StoreConflictError: When there is no such packet.
    """
    row = {
        "ivorn": judgement.ivorn,
        "notice": judgement.notice,
        "decision": judgement.decision,
        "reasons": list(judgement.reasons),
        "alert_id": judgement.alert_id,
        "judged_utc": judgement.judged_utc,
    }
    changed = connection.execute(
        update(packet).where(packet.c.packet_id == judgement.packet_id).values(**row)
    )
    if changed.rowcount != 1:
        raise StoreConflictError(
            f"packet {judgement.packet_id}: not stored; store it, then judge it"
        )


def put_alert(connection: Connection, record: AlertRecord) -> None:
    """Add an alert event or replace the one of that id, inside a transaction."""
    connection.execute(delete(alert_event).where(alert_event.c.alert_id == record.alert_id))
    connection.execute(insert(alert_event), {**_columns(record), "reasons": list(record.reasons)})


class AlertRows:
    """Packets, events and traces in one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def store_packet(
        self,
        raw: bytes,
        *,
        source: str,
        topic: str | None,
        received_utc: datetime,
        injected: bool = False,
    ) -> StoredPacket:
        """Commit the bytes of a packet; when this returns the source may acknowledge.

        The same bytes are kept once: further arrivals are rows that refer to the first.
        """
        total = hashlib.sha256(raw).hexdigest()

        def work(connection: Connection) -> StoredPacket:
            first = connection.execute(_SAME_BYTES, {"sum": total}).scalar_one_or_none()
            result = connection.execute(
                insert(packet),
                {
                    "sha256": total,
                    "raw": raw if first is None else None,
                    "duplicate_of": first,
                    "source": source,
                    "topic": topic,
                    "received_utc": received_utc,
                    "injected": injected,
                },
            )
            key = result.inserted_primary_key
            assert key is not None  # noqa: S101 - a single insert always has one
            return StoredPacket(packet_id=int(key[0]), sha256=total, duplicate_of=first)

        return await self._database.write(work)

    async def judge(
        self,
        judgement: Judgement,
        *,
        event: AlertRecord | None = None,
        stages: Sequence[StageRecord] = (),
        lines: Sequence[JournalLine] = (),
    ) -> tuple[int, ...]:
        """Write a judgement, the event it made or changed, and journal lines in one transaction.

        Raises:
            StoreConflictError: When there is no such packet.
        """

        def work(connection: Connection) -> tuple[int, ...]:
            judge_packet(connection, judgement)
            if event is not None:
                put_alert(connection, event)
            _put_stages(connection, stages)
            return append_lines(connection, lines)

        return await self._database.write(work)

    async def put(
        self, record: AlertRecord, *, lines: Sequence[JournalLine] = ()
    ) -> tuple[int, ...]:
        """Add an alert event or replace the one of that id, with journal lines."""

        def work(connection: Connection) -> tuple[int, ...]:
            put_alert(connection, record)
            return append_lines(connection, lines)

        return await self._database.write(work)

    async def add_stages(self, stages: Sequence[StageRecord]) -> None:
        """Note stages; the first time a stage of an alert is reached counts."""
        await self._database.write(lambda c: _put_stages(c, stages))

    async def packet(self, packet_id: int) -> PacketRecord | None:
        """One packet with its bytes."""
        found = await self._packets(select(packet).where(packet.c.packet_id == packet_id))
        return found[0] if found else None

    async def packets_of(self, alert_id: str) -> list[PacketRecord]:
        """Packets of an event in the order of arrival."""
        query = select(packet).where(packet.c.alert_id == alert_id).order_by(packet.c.packet_id)
        return await self._packets(query)

    async def packets_of_events(self, *, since_utc: datetime, limit: int) -> list[PacketRecord]:
        """Judged packets of any event received since an instant, oldest first, each bytes once.

        Of more than `limit` the newest are given.
        """
        query = (
            select(packet)
            .where(
                packet.c.alert_id.is_not(None),
                packet.c.duplicate_of.is_(None),
                packet.c.judged_utc.is_not(None),
                packet.c.received_utc >= since_utc,
            )
            .order_by(packet.c.packet_id.desc())
            .limit(limit)
        )
        return (await self._packets(query))[::-1]

    async def follow_ups(self, *, since_utc: datetime) -> list[FollowUpRecord]:
        """Requests made for alert events since an instant, and all that are open, in order."""
        query = (
            select(
                request.c.alert_id,
                request.c.request_id,
                request.c.closed_utc.is_(None).label("open"),
            )
            .where(
                request.c.alert_id.is_not(None),
                or_(request.c.submitted_utc >= since_utc, request.c.closed_utc.is_(None)),
            )
            .order_by(request.c.submitted_utc, request.c.request_id)
        )
        return await self._database.read(
            lambda c: [
                FollowUpRecord(
                    alert_id=row.alert_id, request_id=row.request_id, open=bool(row.open)
                )
                for row in c.execute(query)
            ]
        )

    async def unjudged(self) -> list[PacketRecord]:
        """Packets stored and not judged, oldest first: what a crash left."""
        query = select(packet).where(packet.c.judged_utc.is_(None)).order_by(packet.c.packet_id)
        return await self._packets(query)

    async def recent_packets(self, *, limit: int = 200) -> list[PacketRecord]:
        """The newest packets, newest first."""
        return await self._packets(select(packet).order_by(packet.c.packet_id.desc()).limit(limit))

    async def _packets(self, query: Any) -> list[PacketRecord]:
        return await self._database.read(
            lambda c: [_packet(c, row) for row in c.execute(query).mappings().all()]
        )

    async def get(self, alert_id: str) -> AlertRecord | None:
        """One event."""
        query = select(alert_event).where(alert_event.c.alert_id == alert_id)
        found = await self._events(query)
        return found[0] if found else None

    async def recent(
        self, *, since_utc: datetime | None = None, limit: int = 200
    ) -> list[AlertRecord]:
        """Events received at or after an instant, newest first."""
        query = select(alert_event).order_by(
            alert_event.c.received_utc.desc(), alert_event.c.alert_id
        )
        if since_utc is not None:
            query = query.where(alert_event.c.received_utc >= since_utc)
        return await self._events(query.limit(limit))

    async def _events(self, query: Any) -> list[AlertRecord]:
        return await self._database.read(
            lambda c: [
                AlertRecord(**{**row, "reasons": tuple(row["reasons"])})
                for row in c.execute(query).mappings()
            ]
        )

    async def stages(self, alert_id: str) -> list[StageRecord]:
        """The trace of one event, in the order reached."""
        query = (
            select(alert_stage)
            .where(alert_stage.c.alert_id == alert_id)
            .order_by(alert_stage.c.after_ms, alert_stage.c.time_utc, alert_stage.c.stage)
        )
        return await self._database.read(
            lambda c: [StageRecord(**row) for row in c.execute(query).mappings()]
        )


def _columns(record: AlertRecord) -> dict[str, Any]:
    return {column.name: getattr(record, column.name) for column in alert_event.c}


def _put_stages(connection: Connection, stages: Sequence[StageRecord]) -> None:
    for stage in stages:
        known = connection.execute(
            select(alert_stage.c.stage).where(
                alert_stage.c.alert_id == stage.alert_id, alert_stage.c.stage == stage.stage
            )
        ).scalar_one_or_none()
        if known is None:
            connection.execute(insert(alert_stage), asdict(stage))


def _packet(connection: Connection, row: RowMapping) -> PacketRecord:
    raw = row["raw"]
    if raw is None:
        raw = connection.execute(
            select(packet.c.raw).where(packet.c.packet_id == row["duplicate_of"])
        ).scalar_one()
    return PacketRecord(**{**row, "raw": bytes(raw), "reasons": tuple(row["reasons"] or ())})
