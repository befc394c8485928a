"""Who may talk to the server, decided by headers alone."""

from __future__ import annotations

import pytest
from multidict import CIMultiDict

from web.guard import refusal

HERE = "127.0.0.1:8642"


def refused(method: str = "POST", path: str = "/api/1/commands/pause", **headers: str) -> bool:
    """Whether a request is refused; underscores stand for hyphens."""
    given_headers = CIMultiDict({name.replace("_", "-"): text for name, text in headers.items()})
    given_headers.setdefault("Host", HERE)
    return refusal(method=method, path=path, headers=given_headers, allowed_hosts=()) is not None


def test_local_program_may_post() -> None:
    """Curl sends neither Origin nor Sec-Fetch-Site."""
    assert not refused()


def test_own_page_may_post_and_open_the_stream() -> None:
    """The page served here is of the same origin."""
    own = {"Origin": f"http://{HERE}", "Sec_Fetch_Site": "same-origin"}
    assert not refused(**own)
    assert not refused("GET", "/ws", **own)


@pytest.mark.parametrize("site", ["cross-site", "same-site", "nonsense"])
def test_other_sites_page_may_not_post(site: str) -> None:
    """What the browser calls another site is refused, and what we do not know too."""
    assert refused(Sec_Fetch_Site=site)
    assert refused("GET", "/ws", Sec_Fetch_Site=site)


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "null",
        "",
        f"http://{HERE}.evil.example",
        f"http://{HERE}@evil.example",
        "http://127.0.0.1:1",
    ],
)
def test_other_origin_is_refused(origin: str) -> None:
    """Old browsers send no Sec-Fetch-Site: the Origin must be this very address."""
    assert refused(Origin=origin)
    assert refused("GET", "/ws", Origin=origin)


def test_reading_from_elsewhere_is_no_change() -> None:
    """A cross-site GET changes nothing; the browser keeps its answer from the other page."""
    assert not refused("GET", "/api/1/snapshot", Sec_Fetch_Site="cross-site")


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8642", "", "127.0.0.1.evil.example"]
)
def test_name_that_resolves_here_is_refused(host: str) -> None:
    """A stranger's name pointing at this address (DNS rebinding) gets nothing, not even a page."""
    assert refused("GET", "/", Host=host)


def test_proxys_name_is_allowed_when_configured() -> None:
    """The configured name, and only it."""
    for name, well in (("dome.example", True), ("other.example", False)):
        found = refusal(
            method="GET", path="/", headers={"Host": f"{name}:443"}, allowed_hosts=("dome.example",)
        )
        assert (found is None) == well
