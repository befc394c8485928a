"""The live page: aiohttp application, WebSocket, static files. No decisions here."""
