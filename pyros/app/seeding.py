"""Puts what the configuration asks for into the database, once: programmes and requests."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from pyros.app.request_file import Demands
    from pyros.store import Store


async def seed_store(store: Store, demands: Demands, now_utc: datetime) -> int:
    """Save the programmes and add the requests that are not known yet.

    Returns:
        How many requests were added.
    """
    await store.programmes.save(demands.programmes)
    added = 0
    for request in demands.once:
        if await store.requests.get(request.request_id) is None:
            await store.requests.add(request, submitted_by="configuration", submitted_utc=now_utc)
            added += 1
    return added
