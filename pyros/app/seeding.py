"""Puts what the configuration asks for into the database, once: programmes and requests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.scheduler.ledger import reservations
from pyros.scheduling.quota_ledger import QuotaExceededError
from pyros.store import JournalLine

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from pyros.app.request_file import Demands
    from pyros.domain.sequence import ChannelTimes
    from pyros.store import Store


async def seed_store(
    store: Store, demands: Demands, times: Mapping[str, ChannelTimes], now_utc: datetime
) -> tuple[str, ...]:
    """Save the programmes and submit the requests that are not known yet.

    Args:
        store: The database.
        demands: What the request file asks for.
        times: Overheads of each channel of the site.
        now_utc: When they are submitted.

    Returns:
        One line for each request that its programme's semester has not enough time left for. It is
        refused whole, in the journal too; the others are taken.
    """
    await store.programmes.save(demands.programmes)
    refused: list[JournalLine] = []
    for request in demands.once:
        if await store.requests.get(request.request_id) is not None:
            continue
        try:
            await store.requests.add(
                request,
                submitted_by="configuration",
                submitted_utc=now_utc,
                reserved_s=reservations(request, times),
            )
        except QuotaExceededError as error:
            refused.append(
                JournalLine(
                    kind="decision",
                    subject=request.request_id,
                    text=f"request {request.request_id} is refused: {error}",
                    time_utc=now_utc,
                    data={
                        "programme_id": request.programme_id,
                        "sequences": len(request.sequences),
                    },
                    severity="warning",
                    who="configuration",
                )
            )
    await store.journal.append(refused)
    return tuple(line.text for line in refused)
