"""What ``seawall sim`` shows: the faults, a line a request, the verdict."""

from __future__ import annotations

from msgspec.structs import asdict
from rich.cells import cell_len, set_cell_size
from rich.table import Table
from rich.text import Text

from ...simulator import KINDS, Rule, Script, Seen, Verdict
from ..console import output
from ..listing import plain

__all__ = ["closing", "list_faults", "opening", "tell"]


def list_faults() -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("fault", no_wrap=True)
    table.add_column("what happens")
    for kind in KINDS.values():
        only = "" if kind.whole else " (streams)"
        table.add_row(kind.name, Text.assemble(kind.about, (only, "dim")))
    output.print(table)
    output.print(Text(_NAMES, style="dim"))


_NAMES = """
As a model's name: fault/NAME always, fault/NAME-once the first time a question
is asked, fault/NAME-for-10s as long from that model's first request on."""


def opening(script: Script, model: str | None, url: str, host: str) -> None:
    output.print(Text.assemble("Serving ", (url, "bold cyan"), "  until Ctrl-C"))
    origin = url.removesuffix("/v1")
    output.print(
        Text.assemble((" others  ", "dim"), origin, ("  Anthropic, Gemini, Cohere", "dim"))
    )
    answers = f"the embedded {model}" if model else repr(script.answer)
    lines = [("answers", answers)]
    lines += [("fault", _terms(rule)) for rule in script.faults]
    quota = [
        f"{limit} {name} per minute"
        for name, limit in (("requests", script.quota.requests), ("tokens", script.quota.tokens))
        if limit is not None
    ]
    lines += [("quota", ", ".join(quota))] if quota else []
    for name, text in lines:
        output.print(Text.assemble((f"{name:>8}  ", "dim"), plain(text)))
    if not host.startswith("127.") and host not in ("localhost", "::1"):
        output.print(f"{host} is not loopback: others can reach it", style="yellow")
    output.print()
    output.print(_line("time", "#", "", "model", "", "what happened", "took", "dim"))


def _terms(rule: Rule) -> str:
    """The rule as it is given on the command line."""
    usual = asdict(Rule(fault=rule.fault))
    given = {name: value for name, value in asdict(rule).items() if value != usual[name]}
    if rule.requests:
        given["requests"] = "+".join(map(str, rule.requests))
    said = ",".join(f"{name}={value}" for name, value in given.items())
    return f"{rule.fault}:{said}" if said else rule.fault


_STYLES = {"answered": "green", "refused": "yellow", "broken": "red", "left": "magenta"}


def tell(seen: Seen) -> None:
    """One line a request, when it has ended."""
    if seen.ended is None:
        return
    asked = f"{seen.asked + 1}x" if seen.asked else ""
    model = seen.model or f"{seen.method} {seen.path}"
    output.print(
        _line(
            f"{seen.at:.2f}",
            str(seen.number),
            asked,
            model,
            str(seen.status or ""),
            _what(seen),
            f"{seen.ended - seen.at:.2f}",
            _STYLES[seen.how],
        )
    )


def _what(seen: Seen) -> str:
    if seen.how == "refused":
        wait = "" if seen.wait is None else f", come back in {seen.wait:.3g} s"
        # The status stands in a column of its own.
        named = "" if seen.fault.startswith(str(seen.status)) else seen.fault
        return f"{named or 'refused'}{wait}"
    said = "client left" if seen.how == "left" else seen.how
    what = f"{said}: {seen.fault}" if seen.fault else said
    return f"stream {what}" if seen.stream else what


def _line(*columns: str) -> Text:
    """Columns for 80 characters; the last argument is the style of what happened."""
    time, number, asked, model, status, what, took, style = columns
    if cell_len(model) > _MODEL:
        model = f"{set_cell_size(model, _MODEL - 1)}…"
    return Text.assemble(
        (f"{time:>8} {number:>4} ", "dim"),
        (f"{asked:>3} ", "yellow"),
        plain(set_cell_size(model, _MODEL)),
        f" {status:>3} ",
        (f"{what:<30}", style),
        (f"{took:>7}", "dim"),
    )


_MODEL = 20


def closing(verdict: Verdict) -> None:
    first, *charges = str(verdict).splitlines()
    output.print()
    output.print(first, style="bold green" if verdict.good else "bold red")
    for charge in charges:
        output.print(Text(charge))
