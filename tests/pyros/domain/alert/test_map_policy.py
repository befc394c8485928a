"""Which addresses of sky maps are asked, and for which notices."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from pyros.domain.alert.gate import GatePolicy, SourcePolicy, Trust
from pyros.domain.alert.map_policy import MapPolicy, MapRefusedError, wants_map
from pyros.domain.alert.notice import SkyMap
from tests.pyros.domain.alert.notices import T0_UTC, made

NOW = T0_UTC + timedelta(seconds=60)

POLICY = MapPolicy(hosts=("gracedb.ligo.org", "gcn.gsfc.nasa.gov"), plain_hosts=("127.0.0.1",))
GATE = GatePolicy(
    sources={
        "vtp": SourcePolicy(trust=Trust.ACT, authorities=("*",)),
        "injected": SourcePolicy(trust=Trust.ACT, authorities=("*",), injected=True),
    }
)


@pytest.mark.parametrize(
    ("url", "asked"),
    [
        (
            "https://gracedb.ligo.org/api/superevents/S1/files/bayestar.multiorder.fits,1",
            "https://gracedb.ligo.org/api/superevents/S1/files/bayestar.multiorder.fits,1",
        ),
        ("http://gcn.gsfc.nasa.gov/a.fits?b=c#d", "https://gcn.gsfc.nasa.gov/a.fits?b=c"),
        ("https://GraceDB.ligo.org:443/x", "https://gracedb.ligo.org/x"),
        ("http://127.0.0.1:4321/x", "http://127.0.0.1:4321/x"),
    ],
)
def test_listed_hosts_are_asked_by_https(url: str, asked: str) -> None:
    """Fermi's http becomes https; only this machine is asked in plain, and only when listed."""
    assert POLICY.address(url) == asked


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/x.fits",
        "https://gracedb.ligo.org.evil.example/x",
        "https://gracedb.ligo.org@evil.example/x",
        "https://user:word@gracedb.ligo.org/x",
        "https://gracedb.ligo.org:8443/x",
        "https://127.0.0.1/x",
        "file:///etc/passwd",
        "ftp://gracedb.ligo.org/x",
        "https://[bad/x",
        "",
    ],
)
def test_other_addresses_are_refused(url: str) -> None:
    """Other hosts, logins, ports, schemes and nonsense are not asked."""
    with pytest.raises(MapRefusedError, match="sky map"):
        POLICY.address(url)


def test_waits_double_up_to_the_longest_and_end() -> None:
    """5, 10, 20 ... 120 s, and together no longer than a map is tried for."""
    waits = list(POLICY.waits_s())
    assert waits[:6] == [5.0, 10.0, 20.0, 40.0, 80.0, 120.0]
    assert max(waits) == 120.0
    assert 3400.0 < sum(waits) <= 3600.0


def test_only_maps_of_notices_that_may_act_are_wanted() -> None:
    """A missing position is no reason against; a test, a spoof, a retraction, old age are."""
    good = made(source="vtp", sky_map=SkyMap(url="https://gracedb.ligo.org/x"))
    assert wants_map(good, NOW, GATE)
    assert wants_map(replace(good, ra_deg=None, dec_deg=None, error_deg=None), NOW, GATE)
    assert not wants_map(replace(good, sky_map=None), NOW, GATE)
    inside = replace(good, sky_map=SkyMap(inline_bytes=9))
    assert wants_map(inside, NOW, GATE), "beside a position it is not known yet"
    assert not wants_map(replace(inside, ra_deg=None, dec_deg=None, error_deg=None), NOW, GATE)
    assert not wants_map(replace(good, test=True), NOW, GATE)
    assert not wants_map(replace(good, retraction=True), NOW, GATE)
    assert not wants_map(replace(good, source="stranger"), NOW, GATE)
    assert not wants_map(replace(good, source="injected"), NOW, GATE)
    assert not wants_map(good, NOW + timedelta(days=30), GATE)
