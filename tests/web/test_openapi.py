"""The API's description is true: a fuzzer finds no request on which it lies."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser import staged_night
from web.app import ENDPOINTS

if TYPE_CHECKING:
    import aiohttp

    from tests.browser.stage import Stage

NOT_EVERY_BODY_IS_AN_ALERT = """
[checks]
positive_data_acceptance.expected-statuses = ["2xx", "404", "409", "422"]
"""
pytestmark = pytest.mark.asyncio


async def test_description_names_every_endpoint(client: aiohttp.ClientSession) -> None:
    """OpenAPI 3.1 with each row of the API, its parameters, bodies and problems."""
    async with client.get("/api/1/openapi.json") as answer:
        document: dict[str, Any] = await answer.json()
    assert document["openapi"] == "3.1.0"
    for row in ENDPOINTS:
        operation = document["paths"][row.path][row.method.lower()]
        assert operation["operationId"] == row.operation_id
        assert str(int(row.status)) in operation["responses"]
        assert ("requestBody" in operation) == (row.method == "POST")
    names = [p["name"] for p in document["paths"]["/api/1/journal"]["get"]["parameters"]]
    assert names == ["since", "before", "limit", "severity", "words"]


@pytest.mark.timeout(60)
async def test_fuzzer_finds_no_lie(stage: Stage, tmp_path: Path) -> None:
    """schemathesis: no server error, no undocumented status, type or body, no bad input taken."""
    stage.publish(staged_night.clear_night(stage.services.clock.now()))
    (tmp_path / "schemathesis.toml").write_text(NOT_EVERY_BODY_IS_AN_ALERT)
    fuzzer = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("schemathesis")),
        "--config-file",
        "schemathesis.toml",
        "run", f"{stage.url}/api/1/openapi.json",
        "--max-examples", "5", "--seed", "7", "--generation-database", "none", "--no-color",
        "--phases", "coverage,fuzzing",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, cwd=tmp_path,
    )  # fmt: skip
    said, _ = await fuzzer.communicate()
    assert fuzzer.returncode == 0, said.decode()[-6000:]
