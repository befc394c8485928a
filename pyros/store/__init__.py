"""Everything that is kept: `observatory.db` (the truth after a crash) and `telemetry.db` (trends).

```python
async with Store(data_dir) as store:  # Store(None): in memory; or await store.open() / .close()
    # The journal: append-only. One call is one transaction; it answers the sequence numbers.
    seqs = await store.journal.append([JournalLine(kind=..., subject=..., text=..., ...)])
    lines = await store.journal.read(since=0, chosen=JournalFilter(kinds=("alarm",)))
    sha256 = await store.journal.digest()

    # Requests (pyros.domain.request.Request) and the states of their sequences.
    await store.requests.add(request, submitted_by="ana", submitted_utc=now, lines=[...])
    requests = await store.requests.open_requests()  # not closed, in the order submitted
    states = await store.requests.states()  # {sequence_id: StoredState}
    await store.requests.move(  # states, journal lines and quota in one transaction
        [StateMove(sequence_id=..., old=..., new=..., reason=..., time_utc=now)],
        lines=[JournalLine(...)],
        ledger=[LedgerEntry(...)],
    )
    await store.requests.close(request_id, time_utc=now)

    # Programmes, and what they used: {programme_id: seconds}.
    await store.programmes.save([ScientificProgramme(...)])
    used_s = await store.programmes.used_s(from_night="2026-08-01")

    # Plan versions, and why a sequence was not placed.
    plan = PlanVersion(head=PlanHead(...), placements=(...), refusals=(...))
    await store.plans.add(plan, lines=[...])
    await store.plans.get(night)  # newest; also last_version, versions, refusals_of

    # Alerts: committed before acknowledged; `unjudged` is what a crash left to do.
    stored = await store.alerts.store_packet(raw, source="vtp", topic=None, received_utc=now)
    await store.alerts.judge(Judgement(...), event=AlertRecord(...), lines=[...])
    await store.alerts.add_stages([StageRecord(...)])
    packets = await store.alerts.unjudged()

    # Frames, nights, telemetry (low, high and mean per bin of a trend).
    await store.frames.put(FrameRecord(...))
    await store.nights.close(night, ended_utc=now, summary={})
    await store.telemetry.append([Sample("site/meteo-1/wind_m_s", "m/s", now, 4.2)])
    await store.telemetry.trend(channel, start_utc=..., end_utc=now, points=500)
```

Each `await` that writes is one transaction: committed when it returns, nothing written when it
raises. Errors: `StoreUnavailableError` (transient: retry), `StoreConflictError` and
`StoreDamagedError` (permanent). Who writes journal lines with a row publishes `JournalWritten` for
them; everyone else publishes a `JournalEntry` and the journal actor writes it.
"""

from pyros.store.alerts import AlertRecord, Judgement, PacketRecord, StageRecord, StoredPacket
from pyros.store.errors import StoreConflictError, StoreDamagedError, StoreUnavailableError
from pyros.store.frames import FrameRecord
from pyros.store.journal import JournalFilter, JournalLine, WrittenLine
from pyros.store.nights import NightRecord
from pyros.store.plans import Placement, PlanHead, PlanVersion, Refusal
from pyros.store.programmes import LedgerEntry
from pyros.store.requests import StateMove, StoredState
from pyros.store.settings import StoreSettings
from pyros.store.store import Store
from pyros.store.telemetry import Sample, TrendPoint

__all__ = [
    "AlertRecord",
    "FrameRecord",
    "JournalFilter",
    "JournalLine",
    "Judgement",
    "LedgerEntry",
    "NightRecord",
    "PacketRecord",
    "Placement",
    "PlanHead",
    "PlanVersion",
    "Refusal",
    "Sample",
    "StageRecord",
    "StateMove",
    "Store",
    "StoreConflictError",
    "StoreDamagedError",
    "StoreSettings",
    "StoreUnavailableError",
    "StoredPacket",
    "StoredState",
    "TrendPoint",
    "WrittenLine",
]
