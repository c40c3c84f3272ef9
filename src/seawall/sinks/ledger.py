"""The ledger as its readers see it."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Iterator, Sequence
from os.path import commonprefix
from pathlib import Path
from typing import Any, Self

from ..errors import CallNotFoundError, LedgerError
from .database import connect
from .imports import import_journals, importing
from .paths import journal_dir, ledger_path
from .rows import COLUMNS, CONTENTS, Group, Row, Total, Where, condition, row

__all__ = ["Ledger"]

_KEYS: dict[Group, str] = {
    "feature": "feature",
    "model": "coalesce(model, '')",
    "outcome": "outcome",
    "day": "date(at, 'unixepoch')",
}


class Ledger:
    """Reads the calls recorded under a directory. Not to be shared between threads.

    Records that are still in journals are imported before each question, unless another process
    is at it. Every method raises ``LedgerError`` when the ledger cannot be read.
    """

    def __init__(self, directory: Path, db: sqlite3.Connection) -> None:
        self._directory = directory
        self._db = db

    @classmethod
    def open(cls, directory: Path) -> Self:
        """The ledger of ``directory``. Raises ``LedgerError`` if there is none."""
        _refresh(directory)
        path = ledger_path(directory)
        if not path.exists():
            raise LedgerError(
                f"there is no ledger in {directory}: no call was recorded there. "
                "Name another directory with --dir or SEAWALL_DIR"
            )
        try:
            return cls(directory, connect(path, readonly=True))
        except sqlite3.Error as error:
            raise _unreadable(path, error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        self._db.close()

    def calls(
        self,
        where: Where | None = None,
        *,
        limit: int = 100,
        after_id: str | None = None,
        contents: bool = False,
    ) -> list[Row]:
        """The latest ``limit`` calls, oldest first; with ``after_id`` the first ones after that
        call. ``contents``: with parameters, messages, response and decision record."""
        _refresh(self._directory)
        conditions, values = condition(where or Where())
        order = "DESC"
        if after_id is not None:
            conditions.append("id > ?")
            values.append(after_id)
            order = "ASC"
        found = self._rows(conditions, f"id {order} LIMIT ?", [*values, limit], contents)
        return found if order == "ASC" else found[::-1]

    def get(self, id_: str) -> Row:
        """The call whose id is or begins with ``id_``, with its contents. Raises
        ``CallNotFoundError`` if there is none, or more than one."""
        _refresh(self._directory)
        low = id_.strip().lower()
        if not low:
            raise CallNotFoundError("the id is empty; seawall logs lists those there are")
        found = self._rows(["id >= ?", "id < ?"], "id LIMIT 3", [low, f"{low}~"], contents=True)
        if not found:
            raise CallNotFoundError(f"no call {id_!r} is in the ledger of {self._directory}")
        if len(found) > 1 and found[0].id != low:
            ids = ", ".join(row.id for row in found[:2])
            raise CallNotFoundError(f"{id_!r} begins several ids ({ids}, ...); give more of it")
        return found[0]

    def shortest(self, ids: Sequence[str], least: int = 10) -> int:
        """So many characters, ``least`` or more, tell each of ``ids`` from every other call."""
        length = least
        for id_ in ids:
            before = "SELECT max(id) FROM calls WHERE id < ?"
            after = "SELECT min(id) FROM calls WHERE id > ?"
            for (other,) in self._ask(f"{before} UNION {after}", (id_, id_)):
                shared = commonprefix((id_, other or ""))  # noqa: RUF071 - of characters, indeed
                length = max(length, len(shared) + 1)
        return length

    def totals(self, where: Where | None = None, *, by: Group | None = None) -> list[Total]:
        """Sums by ``feature``, ``model``, ``outcome`` or ``day`` (UTC), or over everything."""
        _refresh(self._directory)
        conditions, values = condition(where or Where())
        key = "''" if by is None else _KEYS[by]
        found = self._ask(
            f"""SELECT {key}, count(*), coalesce(sum(prompt_tokens), 0),
                coalesce(sum(completion_tokens), 0), coalesce(sum(total_tokens), 0),
                coalesce(sum(cost_nano_usd), 0), coalesce(sum(cost_state = 'estimated'), 0),
                coalesce(sum(cost_state = 'unknown'), 0)
            FROM calls WHERE {" AND ".join(conditions) or "TRUE"} GROUP BY 1 ORDER BY 1""",  # noqa: S608
            values,
        )
        names = Total.__struct_fields__
        return [Total(**dict(zip(names, values, strict=True))) for values in found]

    def follow(
        self,
        where: Where | None = None,
        *,
        last: int = 0,
        contents: bool = False,
        every: float = 0.5,
    ) -> Iterator[Row]:
        """The ``last`` calls that ended, and from then on (the first ``next``) each call when it
        ends, without end. Looks every ``every`` seconds."""
        conditions, values = condition(where or Where())
        _refresh(self._directory)
        reached: int = self._ask("SELECT coalesce(max(settled), 0) FROM calls", ())[0][0]
        ended = [*conditions, "settled <= ?"]
        yield from self._rows(ended, "settled DESC LIMIT ?", [*values, reached, last], contents)[
            ::-1
        ]
        while True:
            time.sleep(every)
            _refresh(self._directory)
            now: int = self._ask("SELECT coalesce(max(settled), 0) FROM calls", ())[0][0]
            if now > reached:
                news = [*conditions, "settled > ?", "settled <= ?"]
                yield from self._rows(news, "settled", [*values, reached, now], contents)
                reached = now

    def _rows(
        self, conditions: Sequence[str], order: str, values: Sequence[Any], contents: bool
    ) -> list[Row]:
        columns, join = COLUMNS, ""
        if contents:
            columns, join = f"{COLUMNS}, {CONTENTS}", "LEFT JOIN contents USING (id)"
        return [
            row(values)
            for values in self._ask(
                f"SELECT {columns} FROM calls {join} "  # noqa: S608 - every value is bound
                f"WHERE {' AND '.join(conditions) or 'TRUE'} ORDER BY {order}",
                values,
            )
        ]

    def _ask(self, sql: str, values: Sequence[Any]) -> list[Any]:
        try:
            return self._db.execute(sql, values).fetchall()
        except sqlite3.Error as error:
            raise _unreadable(ledger_path(self._directory), error) from error


def _unreadable(path: Path, error: sqlite3.Error) -> LedgerError:
    remedy = ""
    if not isinstance(error, sqlite3.OperationalError):
        remedy = ". Move it away to begin a new one; calls still in the journals are taken along"
    return LedgerError(f"{path} cannot be read: {error}{remedy}")


def _refresh(directory: Path) -> None:
    """Import what journals hold, if we may write here and nobody else is at it; else the ledger
    is read as it is. Nothing is created where nothing was recorded."""
    if not journal_dir(directory).is_dir():
        return
    with contextlib.suppress(OSError, sqlite3.Error, LedgerError), importing(directory) as ours:
        if ours:
            with contextlib.closing(connect(ledger_path(directory))) as db:
                import_journals(db, directory)
