"""Writes corpus/generated.jsonl: real-looking objects, damaged as models damage them.

    python tests/output/output_corpus.py

Nothing of Seawall is used here, so what is expected is known independently: each line holds the
``reply`` and either the ``value`` it stands for (of several, a list), the ``partial`` value of a
reply that was cut, or ``refuse`` where a faithful reader must not guess.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

SEED = 20261123
CORPUS = Path(__file__).parent / "corpus"
Random = random.Random


# ---------------------------------------------------------------- what models are asked for


def product(r: Random) -> Any:
    name = r.choice(["Trail Runner 5", "Café crème set", "Desk lamp (LED)", "USB-C hub, 7 ports"])
    return {
        "name": name,
        "category": r.choice(["shoes", "kitchen", "lighting", "electronics"]),
        "price_range": r.choice(["budget", "mid", "premium"]),
        "price": r.choice([19.99, 249.0, 1299, 0.5]),
        "in_stock": r.random() < 0.5,
    }


def invoice(r: Random) -> Any:
    lines = [
        {
            "sku": f"A-{r.randint(100, 999)}",
            "qty": r.randint(1, 9),
            "unit_price": r.randint(1, 9999) / 100,
        }
        for _ in range(r.randint(1, 4))
    ]
    return {
        "invoice_id": f"INV-{r.randint(10000, 99999)}",
        "customer": {
            "name": r.choice(["Ada Lovelace", "O'Brien & Sons", "株式会社山田"]),
            "vat": None,
        },
        "lines": lines,
        "total": round(sum(line["qty"] * line["unit_price"] for line in lines), 2),
        "paid": False,
    }


def sentiment(r: Random) -> Any:
    return {
        "label": r.choice(["positive", "negative", "neutral"]),
        "score": round(r.random(), 4),
        "aspects": [
            {"aspect": a, "score": round(r.uniform(-1, 1), 3)} for a in ("price", "quality")
        ],
        "language": r.choice(["en", "de", "ja"]),
    }


def tool_call(r: Random) -> Any:
    return {
        "name": "search_flights",
        "arguments": {
            "from": "OSL",
            "to": r.choice(["LIS", "NRT"]),
            "date": f"2026-0{r.randint(1, 9)}-1{r.randint(0, 9)}",
            "passengers": r.randint(1, 4),
            "flexible": True,
        },
    }


def people(r: Random) -> Any:
    names = ["Ada", "Grace", "Linus", "Zoë", "José", "Мария"]
    return [
        {"name": name, "age": r.randint(18, 90), "email": f"user{r.randint(1, 99)}@example.org"}
        for name in r.sample(names, r.randint(2, 4))
    ]


def recipe(r: Random) -> Any:
    return {
        "title": r.choice(["Pancakes", "Crème brûlée", "麻婆豆腐"]),
        "minutes": r.randint(10, 90),
        "ingredients": r.sample(
            ["flour", "2 eggs", "milk (200 ml)", "salt & pepper", "½ lemon"], 3
        ),
        "steps": ["Mix everything.", "Wait 10 minutes: do not stir!", "Bake at 180°C."],
    }


def config(r: Random) -> Any:
    return {
        "server": {
            "host": "0.0.0.0",
            "port": r.randint(1000, 9999),
            "tls": {"enabled": True, "cert": None},
        },
        "features": [],
        "limits": {"rps": 1e3, "burst": r.randint(1, 50), "ratio": -0.25},
        "tags": {},
    }


def extraction(r: Random) -> Any:
    return {
        "entities": [
            {"text": "Berlin", "type": "LOC", "span": [r.randint(0, 9), r.randint(10, 20)]},
            {"text": "3 May 2026", "type": "DATE", "span": [31, 41]},
        ],
        "summary": "A meeting in Berlin; see https://example.org/a?b=1#c // not a comment.",
        "id": r.choice([9007199254740993, 123456789012345678901234567890]),
    }


def review(r: Random) -> Any:
    return {
        "severity": r.choice(["low", "high"]),
        "line": r.randint(1, 400),
        "comment": "Prefer {x} over [y]; 'None' and True are not JSON, e.g. a, b: c.",
        "fix": r.choice(["return x", "if a and b: pass"]),
    }


PLAIN = [product, invoice, sentiment, tool_call, people, recipe, config, extraction, review]


def dialogue(r: Random) -> Any:
    said = r.choice(["hello", "no way, not today", "see you (soon)", "wait: what?"])
    return {
        "speaker": r.choice(["Ada", "Bob"]),
        "line": f'She said "{said}" and left',
        "note": f'the so-called "{r.choice(["expert", "fix", "deal"])}"',
        "turn": r.randint(1, 99),
    }


def markup(r: Random) -> Any:
    return {
        "html": f'<a href="https://example.org/{r.randint(1, 99)}" class="x">link</a>',
        "count": r.randint(1, 9),
        "size": f'{r.randint(2, 12)}" pipe',
    }


QUOTED = [dialogue, markup]


def document(r: Random) -> Any:
    return {
        "title": r.choice(["Notes", "Readme"]),
        "body": f"# Title\n\n- item {r.randint(1, 9)}\n\tindented\n\n```python\nx = 'y'\n```\n",
        "words": r.randint(5, 500),
    }


def poem(r: Random) -> Any:
    return {
        "lines": r.choice(["Roses are red,\nviolets are blue", "one\ntwo\r\nthree"]),
        "stanza": r.randint(1, 9),
    }


MULTILINE = [document, poem]


def contractions(r: Random) -> Any:
    return {
        "text": r.choice(["it's fine", "I can't and won't", "rock'n'roll isn't dead"]),
        "who": r.choice(["Ada", "Bob"]),
        "n": r.randint(1, 9),
    }


def patterns(r: Random) -> Any:
    return {
        "regex": r.choice([r"\d+\.\d+", r"^\w+\s*$", r"\S+@\S+"]),
        "flags": "i",
        "n": r.randint(1, 9),
    }


# ---------------------------------------------------------------- how they write it


@dataclass(frozen=True)
class Style:
    quote: str = '"'
    close: str = ""
    bare_keys: bool = False
    trailing: bool = False
    literals: tuple[str, str, str] = ("true", "false", "null")
    comments: tuple[str, ...] = ()
    raw_controls: bool = False
    raw_quotes: bool = False
    raw_backslashes: bool = False
    comma: str = ","
    colon: str = ": "
    indent: str | None = None
    numbers: Callable[[Any], str] = json.dumps


class Writer:
    """Writes a value in a style; ``spans`` holds each node's place, for the cuts."""

    def __init__(self, style: Style, r: Random) -> None:
        self.style, self.r = style, r
        self.out: list[str] = []
        self.length = 0

    def put(self, text: str) -> None:
        self.out.append(text)
        self.length += len(text)

    def write(self, value: Any, depth: int = 0) -> tuple[Any, int, int, list[Any]]:
        begin, inner = self.length, []
        if isinstance(value, (dict, list)):
            inner = self.container(value, depth)
        elif isinstance(value, str):
            self.put(self.string(value))
        elif value is None or isinstance(value, bool):
            true, false, null = self.style.literals
            self.put(null if value is None else true if value else false)
        else:
            self.put(self.style.numbers(value))
        return value, begin, self.length, inner

    def container(self, value: Any, depth: int) -> list[Any]:
        style, inner = self.style, []
        items = list(value.items()) if isinstance(value, dict) else [(None, item) for item in value]
        self.put("{" if isinstance(value, dict) else "[")
        for index, (key, item) in enumerate(items):
            self.line(depth + 1)
            if key is not None:
                self.put((key if style.bare_keys else self.string(key)) + style.colon)
            inner.append((key, self.write(item, depth + 1)))
            last = index == len(items) - 1
            if not last or style.trailing:
                self.put(style.comma)
            if style.comments and self.r.random() < 0.4:
                self.put(self.r.choice(style.comments))
            if not last and style.indent is None:
                self.put(" ")
        if items:
            self.line(depth)
        self.put("}" if isinstance(value, dict) else "]")
        return inner

    def line(self, depth: int) -> None:
        if self.style.indent is not None:
            self.put("\n" + self.style.indent * depth)

    def string(self, text: str) -> str:
        style = self.style
        body = json.dumps(text, ensure_ascii=False)[1:-1]
        if style.quote != '"' or style.raw_quotes:
            body = body.replace('\\"', '"')
        if style.quote == "'" and not style.raw_quotes:
            body = body.replace("'", "\\'")
        if style.raw_controls:
            body = body.replace("\\n", "\n").replace("\\t", "\t").replace("\\r", "\r")
        if style.raw_backslashes:
            body = body.replace("\\\\", "\\")
        return style.quote + body + (style.close or style.quote)


def written(value: Any, style: Style, r: Random) -> str:
    writer = Writer(style, r)
    writer.write(value)
    return "".join(writer.out)


# ---------------------------------------------------------------- what stands round it


def bare(text: str, r: Random) -> str:
    return text


def fenced(text: str, r: Random) -> str:
    mark = r.choice(["```json", "```", "~~~json", "```JSON", "```json5"])
    return f"{mark}\n{text}\n{mark[:3]}"


def nested_fence(text: str, r: Random) -> str:
    return f"````markdown\n```json\n{text}\n```\n````"


def prose(text: str, r: Random) -> str:
    before = [
        "Sure! Here is the JSON:\n\n",
        "Based on [1] and the text (see above), I get: ",
        "Answer: ",
    ]
    after = [
        "",
        "\n\nLet me know if you need more!",
        "\n\n*Note:* prices {in USD} may vary [2].",
        "\n",
    ]
    return r.choice(before) + text + r.choice(after)


def fenced_in_prose(text: str, r: Random) -> str:
    return f"Of course. As in {{placeholder}}:\n\n{fenced(text, r)}\n\nHope this helps (really)!"


def thought(text: str, r: Random) -> str:
    tag = r.choice(["think", "thinking", "reasoning"])
    return f'<{tag}>\nMaybe {{"draft": [1, 2]}}? No, let me redo it.\n</{tag}>\n\n{text}'


def orphan_thought(text: str, r: Random) -> str:
    return f"The user wants JSON, so {{...}} it is.\n</think>\n\n{text}"


def tagged(text: str, r: Random) -> str:
    tag = r.choice(["json", "output", "answer", "result"])
    return f"<{tag}>\n{text}\n</{tag}>"


def assigned(text: str, r: Random) -> str:
    return r.choice(["const data = ", "result = ", "return "]) + text + r.choice([";", ""])


def with_bom(text: str, r: Random) -> str:
    return "\ufeff" + text


AROUND = [bare, bare, fenced, fenced, nested_fence, prose, prose, fenced_in_prose, thought]
AROUND += [orphan_thought, tagged, assigned, with_bom]


# ---------------------------------------------------------------- damage with one reading

INDENTS = [None, "  ", "\t", "    "]
PYTHON = ("True", "False", "None")


def numbers_loose(value: Any) -> str:
    text = json.dumps(value)
    if isinstance(value, int) and value >= 1000:
        return f"{value:_}"
    return text[1:] if text.startswith("0.") else text


STYLES: dict[str, tuple[list[Callable[[Random], Any]], Style]] = {
    "nothing": (PLAIN, Style()),
    "trailing commas": (PLAIN, Style(trailing=True)),
    "single quotes": ([*PLAIN, contractions], Style(quote="'")),
    "python": (PLAIN, Style(quote="'", literals=PYTHON)),
    "python literals": (PLAIN, Style(literals=PYTHON)),
    "upper-case literals": ([product, invoice, config], Style(literals=("TRUE", "FALSE", "NULL"))),
    "bare keys": (PLAIN, Style(bare_keys=True)),
    "javascript": (PLAIN, Style(quote="'", bare_keys=True, trailing=True)),
    "smart quotes": (PLAIN, Style(quote="“", close="”")),
    "backticks": (PLAIN, Style(quote="`")),
    "line comments": (PLAIN, Style(indent="  ", comments=(" // as stated", " # from the text"))),
    "block comments": (PLAIN, Style(comments=(' /* as stated, "here" */',), trailing=True)),
    "missing commas": (PLAIN, Style(indent="  ", comma="")),
    "full-width": (PLAIN, Style(comma="，", colon="：")),
    "semicolons": ([product, tool_call, review], Style(comma=";")),
    "equals signs": (PLAIN, Style(colon=" = ")),
    "loose numbers": ([product, config, sentiment], Style(numbers=numbers_loose, trailing=True)),
    "raw control characters": (MULTILINE, Style(raw_controls=True)),
    "raw quotes": (QUOTED, Style(raw_quotes=True)),
    "raw quotes, indented": (QUOTED, Style(raw_quotes=True, indent="  ")),
    "raw apostrophes": ([contractions], Style(quote="'", raw_quotes=True)),
    "raw backslashes": ([patterns], Style(raw_backslashes=True)),
    "no-break spaces": (PLAIN, Style(indent="\u00a0\u00a0", colon=":\u00a0")),
}


def styled(r: Random) -> Iterator[dict[str, Any]]:
    for name, (makers, style) in STYLES.items():
        for _ in range(13):
            value = r.choice(makers)(r)
            free = style.indent is None and style.comma and "comments" not in name
            form = replace(style, indent=r.choice(INDENTS)) if free else style
            around = r.choice(AROUND)
            yield {"kind": name, "reply": around(written(value, form, r), r), "value": value}


def string_encoded(r: Random) -> Iterator[dict[str, Any]]:
    for _ in range(10):
        value = r.choice(PLAIN + QUOTED)(r)
        text = json.dumps(json.dumps(value, ensure_ascii=r.random() < 0.5))
        yield {"kind": "double-encoded", "reply": text, "value": value}
        yield {"kind": "escaped", "reply": r.choice(["", "Here: "]) + text[1:-1], "value": value}


def rows(r: Random) -> Iterator[dict[str, Any]]:
    for glue in ("\n", "\n\n", "", ", ", ",\n"):
        for _ in range(3):
            values = [{**product(r), "row": row} for row in range(r.randint(2, 4))]
            reply = r.choice([bare, fenced, thought])(glue.join(map(json.dumps, values)), r)
            yield {"kind": "values in a row", "reply": reply, "value": values}


def brackets(r: Random) -> Iterator[dict[str, Any]]:
    for _ in range(8):
        value = r.choice([product, invoice, tool_call])(r)
        text = json.dumps(value, indent=r.choice([None, 2]))
        yield {"kind": "stray bracket", "reply": text + "}", "value": value}
        yield {"kind": "missing first bracket", "reply": text[1:], "value": value}
        item = product(r)
        yield {"kind": "double braces", "reply": f"{{{json.dumps(item)}}}", "value": item}
    for _ in range(12):
        order = invoice(r)
        text = json.dumps(order, indent=r.choice([None, 2]))
        text = text.replace("}\n  ]", "}]").replace("],\n  ", "], ")
        end = {"value": order} if len(order["lines"]) > 1 else {"refuse": True}
        yield {
            "kind": "missing inner bracket",
            "reply": text.replace('}], "total"', '}, "total"'),
            **end,
        }


def repeated(r: Random) -> Iterator[dict[str, Any]]:
    for _ in range(8):
        value = r.choice(PLAIN)(r)
        final = fenced(json.dumps(value, indent=2), r)
        reply = f"Draft: {json.dumps(value)}\n\nFinal answer:\n{final}"
        yield {"kind": "repeated", "reply": reply, "value": value}


# ---------------------------------------------------------------- cut replies


def partial(node: tuple[Any, int, int, list[Any]], cut: int, root: bool = True) -> Any:
    """What is complete before ``cut``; ``...`` if nothing is."""
    value, begin, end, inner = node
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if end < cut or (end == cut and not number):
        return value
    if not isinstance(value, (dict, list)) or begin >= cut:
        return ...
    kept = [(key, partial(child, cut, False)) for key, child in inner]
    kept = [(key, item) for key, item in kept if item is not ...]
    if not kept:
        return ...
    return dict(kept) if isinstance(value, dict) else [item for _, item in kept]


def cuts(r: Random) -> Iterator[dict[str, Any]]:
    for _ in range(90):
        value = r.choice(PLAIN)(r)
        writer = Writer(Style(indent=r.choice([None, "  "]), quote=r.choice(['"', '"', "'"])), r)
        node = writer.write(value)
        cut = r.randint(1, writer.length - 1)
        left = partial(node, cut)
        before = r.choice(["", "", "```json\n", "Here you go:\n"])
        case = {"kind": "cut", "reply": before + "".join(writer.out)[:cut]}
        yield {**case, "refuse": True} if left is ... else {**case, "partial": left}


# ---------------------------------------------------------------- damage that must be refused


def unclear(r: Random) -> Iterator[dict[str, Any]]:
    for _ in range(6):
        item, order = product(r), invoice(r)
        text = json.dumps(item)
        spoilt = {
            "other duplicate": text.replace('"category"', '"price": -1, "category"'),
            "thousands separator": text.replace(json.dumps(item["price"]), "1,299"),
            "leading zero": text.replace(json.dumps(item["price"]), "0199"),
            "currency": text.replace(json.dumps(item["price"]), "$19.99"),
            "unit": text.replace(json.dumps(item["price"]), "19.99 EUR"),
            "undefined": text.replace(json.dumps(item["in_stock"]), "undefined"),
            "yes": text.replace(json.dumps(item["in_stock"]), "yes"),
            "unclosed string": text.replace(f'"{item["category"]}"', f'"{item["category"]}'),
            "lone quote": text.replace(f'"{item["category"]}"', f'"the "{item["category"]}"'),
            "left out": text[:-1] + ", ...}",
            "left out in a list": json.dumps(order).replace('}], "total"', '}, ...], "total"'),
            "mixed backslashes": text.replace(f'"{item["category"]}"', '"C:\\new\\Data"'),
            "unfinished thought": f"<think>\nI would say {text}, but",
            "no JSON": "I am sorry, but I cannot {do} that [yet].",
        }
        for name, reply in spoilt.items():
            yield {"kind": name, "reply": reply, "refuse": True}


def several(r: Random) -> Iterator[dict[str, Any]]:
    for _ in range(6):
        values = [product(r), product(r) | {"row": 2}]
        one, two = (json.dumps(value, indent=r.choice([None, 2])) for value in values)
        yield {"kind": "two answers", "reply": f"Either {one} or {two}.", "value": values}
        reply = f"{fenced(one, r)}\n\nor\n\n{fenced(two, r)}"
        yield {"kind": "two fences", "reply": reply, "value": values}


def corpus() -> Iterator[dict[str, Any]]:
    r = random.Random(SEED)
    for part in (styled, string_encoded, rows, brackets, repeated, cuts, unclear, several):
        for case in part(r):
            if "value" in case or "partial" in case or "refuse" in case:
                yield case


def lines() -> str:
    return "".join(f"{json.dumps(case, ensure_ascii=False)}\n" for case in corpus())


if __name__ == "__main__":
    (CORPUS / "generated.jsonl").write_text(lines(), encoding="utf-8")
