"""Static files of the pages: read once, compressed once, served under the hash of the whole set.

The address of every file holds that hash, so a browser may keep them for ever and never mixes two
versions; only the page itself is asked for again. There is no build step: what lies in `static/` is
what the browser runs.
"""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

STATIC = Path(__file__).with_name("static")
INDEX = "index.html"
_PLACE = b"{{assets}}"
_PRELOADS = b"{{preloads}}"
_TEXT_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
_SKIPPED = frozenset({"ui.entry.js", "vendor.lock"})


@dataclass(frozen=True, slots=True)
class Asset:
    """One file, as it is and compressed."""

    body: bytes
    gzipped: bytes
    content_type: str


@dataclass(frozen=True, slots=True)
class Assets:
    """All static files by their path under `static/`, and the page with their address filled in."""

    files: Mapping[str, Asset]
    tree_hash: str
    page: Asset

    @property
    def prefix(self) -> str:
        """`/a/{hash}`: where the files are served."""
        return f"/a/{self.tree_hash}"

    @property
    def gzipped_bytes(self) -> int:
        """Size of everything a first visit may load."""
        return len(self.page.gzipped) + sum(len(asset.gzipped) for asset in self.files.values())


def load_assets(root: Path = STATIC) -> Assets:
    """Read and compress all files under `root`.

    Raises:
        FileNotFoundError: When there is no page in it: the installation is broken.
    """
    bodies = {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.name not in _SKIPPED and path.parent.name != "licences"
    }
    digest = hashlib.sha256()
    for name, body in bodies.items():
        digest.update(f"{name}\0{len(body)}\0".encode() + body)
    tree_hash = digest.hexdigest()[:16]
    if INDEX not in bodies:
        raise FileNotFoundError(f"{root / INDEX} is missing: install PyROS again")
    page = bodies.pop(INDEX).replace(_PRELOADS, _preloads(bodies))
    page = page.replace(_PLACE, f"/a/{tree_hash}".encode())
    return Assets(
        files={name: _asset(name, body) for name, body in bodies.items()},
        tree_hash=tree_hash,
        page=_asset(INDEX, page),
    )


def _preloads(names: Iterable[str]) -> bytes:
    """Links that let the browser ask for all modules at once instead of level by level."""
    link = '<link rel="modulepreload" href="{{assets}}/%s">'
    return "\n".join(link % name for name in names if name.endswith(".js")).encode()


def _asset(name: str, body: bytes) -> Asset:
    kind = _TEXT_TYPES.get(Path(name).suffix) or mimetypes.guess_type(name)[0]
    return Asset(
        body=body,
        gzipped=gzip.compress(body, compresslevel=9, mtime=0),
        content_type=kind or "application/octet-stream",
    )


def serve(request: web.Request, asset: Asset, *, cache: str) -> web.Response:
    """The file, compressed when the browser takes it so.

    Args:
        request: What was asked.
        asset: What is answered.
        cache: The `Cache-Control` header.
    """
    packed = "gzip" in request.headers.get("Accept-Encoding", "")
    headers = {"Cache-Control": cache, "Vary": "Accept-Encoding"}
    if packed:
        headers["Content-Encoding"] = "gzip"
    text = asset.content_type.startswith("text/") or asset.content_type == "image/svg+xml"
    return web.Response(
        body=asset.gzipped if packed else asset.body,
        content_type=asset.content_type,
        charset="utf-8" if text else None,
        headers=headers,
    )


async def page(request: web.Request) -> web.Response:
    """`GET /`: the page."""
    return serve(request, request.app[ASSETS].page, cache="no-cache")


async def static_file(request: web.Request) -> web.Response:
    """`GET /a/{hash}/{path}`: a file of this version; others are gone."""
    assets = request.app[ASSETS]
    asset = assets.files.get(request.match_info["path"])
    if asset is None or request.match_info["hash"] != assets.tree_hash:
        raise web.HTTPNotFound(text="no such file in this version; reload the page")
    return serve(request, asset, cache="public, max-age=31536000, immutable")


ASSETS: web.AppKey[Assets] = web.AppKey("assets", Assets)
