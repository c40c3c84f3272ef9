"""A server on loopback that gives out tokens, as Google's and Azure's do."""

from __future__ import annotations

import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from clouds_world import dumped

__all__ = ["Tokens"]


class Tokens:
    """Gives out a token at each asking, good for ``seconds``, or an error."""

    def __init__(self) -> None:
        self.given = 0
        self.seconds = 3600
        self.status = 200
        self.asked: list[dict[str, list[str]]] = []
        tokens = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                size = int(self.headers.get("content-length", 0))
                tokens.asked.append(parse_qs(self.rfile.read(size).decode()))
                self._answer({"access_token": "", "expires_in": tokens.seconds})

            def do_GET(self) -> None:
                tokens.asked.append(parse_qs(urlsplit(self.path).query))
                until = int(datetime.datetime.now().timestamp()) + tokens.seconds
                self._answer({"access_token": "", "expires_on": str(until), "resource": "r"})

            def _answer(self, told: dict[str, Any]) -> None:
                tokens.given += 1
                told |= {"access_token": f"token-{tokens.given}", "token_type": "Bearer"}
                body = dumped(told if tokens.status == 200 else {"error": "server_error"})
                self.send_response(tokens.status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/token"
