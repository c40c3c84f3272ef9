"""The ledger's tables, and the steps by which an older file gets them.

``calls`` holds one narrow row a call: everything people filter on and count. ``contents`` holds
what is long (messages, response, decision record) under the same id, so that counting a
million calls reads none of it. ``journals`` says how far each journal has been imported, and is
written in the same transaction as the calls.

A call's ``outcome`` is ``open`` until its end is imported, and ``interrupted`` when its process
died before it ended. ``settled`` numbers the calls in the order in which their ends arrived.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence

__all__ = ["MIGRATIONS", "Migration"]

Migration = Sequence[str | Callable[[sqlite3.Connection], object]]
"""Statements and functions, in order. A file's ``user_version`` counts the migrations it had."""

_FIRST: Migration = (
    """CREATE TABLE calls (
        id TEXT PRIMARY KEY,
        at REAL NOT NULL,
        ended_at REAL,
        outcome TEXT NOT NULL,
        feature TEXT NOT NULL DEFAULT '',
        requested TEXT NOT NULL DEFAULT '',
        model TEXT,
        vendor TEXT AS (substr(model, 1, max(0, instr(model, '/') - 1))) VIRTUAL,
        stream INTEGER NOT NULL DEFAULT 0,
        prompt_name TEXT,
        prompt_version TEXT,
        system_hash TEXT,
        tags TEXT,
        finish_reason TEXT,
        prompt_tokens INTEGER,
        completion_tokens INTEGER,
        total_tokens INTEGER,
        cached_tokens INTEGER,
        cache_write_tokens INTEGER,
        reasoning_tokens INTEGER,
        cost_nano_usd INTEGER,
        cost_state TEXT,
        latency REAL,
        first_token REAL,
        attempts INTEGER NOT NULL DEFAULT 0,
        damaged INTEGER NOT NULL DEFAULT 0,
        canned INTEGER NOT NULL DEFAULT 0,
        request_id TEXT,
        error_kind TEXT,
        error_message TEXT,
        content TEXT NOT NULL DEFAULT 'full',
        pid INTEGER,
        owner TEXT,
        prompt_tokens_estimate INTEGER,
        cost_estimate_nano_usd INTEGER,
        settled INTEGER
    ) WITHOUT ROWID""",
    "CREATE INDEX calls_settled ON calls (settled)",
    "CREATE INDEX calls_open ON calls (owner) WHERE outcome = 'open'",
    """CREATE TABLE contents (
        id TEXT PRIMARY KEY,
        parameters TEXT,
        messages TEXT,
        response TEXT,
        decision TEXT
    )""",
    """CREATE TABLE journals (
        name TEXT PRIMARY KEY,
        offset INTEGER NOT NULL,
        torn INTEGER NOT NULL
    ) WITHOUT ROWID""",
)

#: Until then every call was one to chat.
_OPERATIONS: Migration = ("ALTER TABLE calls ADD COLUMN operation TEXT NOT NULL DEFAULT 'chat'",)

MIGRATIONS: Sequence[Migration] = (_FIRST, _OPERATIONS)
