"""Runs the code blocks of a Markdown page, so that documentation cannot go stale.

A language is one function in ``LANGUAGES``, a command one in ``COMMANDS``. A block of any other
language, a command nobody can run or check, and an indented block are errors: what is not
run is not shown. CONTRIBUTING.md says what each language means.
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import inspect
import io
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import sysconfig
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from dotenv import dotenv_values
from markdown_it import MarkdownIt
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from seawall.cli.imports.notices import Notices
from seawall.cli.imports.reading import read
from seawall.client.settings import Settings
from seawall.config import gather, shape

ROOT = Path(__file__).parents[1]
SECONDS = 60


class Block(NamedTuple):
    """A code block; ``line`` is where its fence stands, counted from 1."""

    path: Path
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.path.name}:{self.line} ({self.language or 'no language'})"


class DocError(AssertionError):
    """A page shows something that does not hold."""


def read_blocks(path: Path) -> Iterator[Block]:
    for token in MarkdownIt().parse(path.read_text()):
        if token.type in ("fence", "code_block"):
            line = (token.map or [0])[0] + 1
            words = token.info.split()
            yield Block(path, line, words[0] if words else "", token.content)


def read_links(path: Path) -> Iterator[str]:
    """The page's links to other files of the repository, without their fragments."""
    for token in MarkdownIt().parse(path.read_text()):
        for child in token.children or ():
            target = str(child.attrs.get("href") or child.attrs.get("src") or "")
            file = target.partition("#")[0]
            if file and "://" not in file and not file.startswith("mailto:"):
                yield file


class Page:
    """A page's blocks run in order, in one namespace, loop, directory and environment."""

    def __init__(self, cwd: Path) -> None:
        self.cwd = cwd
        self.module = ModuleType("__main__")
        self.environment = {
            **os.environ,
            "PATH": f"{sysconfig.get_path('scripts')}{os.pathsep}{os.environ['PATH']}",
            "NO_COLOR": "1",
        }
        self.printed: str | None = None

    def run(self, path: Path) -> int:
        """Run every block of ``path``. Returns how many there were."""
        before = sys.modules["__main__"]
        # Classes of the page are looked up by their module's name, by msgspec and pydantic too.
        sys.modules["__main__"] = self.module
        try:
            with asyncio.Runner() as self.loop:
                count = 0
                for block in read_blocks(path):
                    self._run_block(block)
                    count += 1
            return count
        finally:
            sys.modules["__main__"] = before

    def _run_block(self, block: Block) -> None:
        run = LANGUAGES.get(block.language)
        if run is None:
            known = ", ".join(sorted(LANGUAGES))
            raise DocError(f"{block}: cannot be run; the languages that can are {known}")
        try:
            self.printed = run(self, block)
        except Exception as error:
            error.add_note(f"in {block}")
            raise


def run_python(page: Page, block: Block) -> str:
    # The empty lines in front let a traceback name the line of the page.
    source = "\n" * block.line + block.text
    code = compile(source, str(block.path), "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, True)
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        result = eval(code, page.module.__dict__)
        if inspect.iscoroutine(result):
            page.loop.run(result)
    return printed.getvalue()


def run_bash(page: Page, block: Block) -> str:
    lines = block.text.replace("\\\n", " ").splitlines()
    commands = [line for line in lines if line.strip() and not line.lstrip().startswith("#")]
    return "".join(run_command(page, command) for command in commands)


def run_console(page: Page, block: Block) -> str:
    before, *turns = re.split(r"^\$ ", block.text.replace("\\\n", " "), flags=re.MULTILINE)
    if before.strip() or not turns:
        raise DocError("a console block begins with a command: $ ...")
    printed = ""
    for turn in turns:
        command, _, expected = turn.partition("\n")
        printed = run_command(page, command)
        if expected.strip():
            compare(expected, printed)
    return printed


def check_text(page: Page, block: Block) -> None:
    if page.printed is None:
        raise DocError("a text block shows what the block before it printed; nothing did")
    compare(block.text, page.printed)


def check_toml(page: Page, block: Block) -> None:
    table = tomllib.loads(block.text)
    file = write_file(page, block)
    if not table.keys() & {"build-system", "project", "tool"}:
        shape(gather(file=file, environ=page.environment), Settings)


def check_dotenv(page: Page, block: Block) -> None:
    values = dotenv_values(stream=io.StringIO(block.text))
    if not values or None in values.values():
        raise DocError(f"not every line is NAME=value: {dict(values)}")
    write_file(page, block)


def check_json(page: Page, block: Block) -> None:
    json.loads(block.text)


def check_yaml(page: Page, block: Block) -> None:
    read(write_file(page, block), Notices())


def write_file(page: Page, block: Block) -> Path:
    """A first line ``# name`` names the file; without it the block is one for itself."""
    named = re.match(r"# ([\w.-]+)\n", block.text)
    file = page.cwd / (named[1] if named else f"block-{block.line}.{block.language}")
    file.write_text(block.text)
    return file


LANGUAGES: dict[str, Callable[[Page, Block], str | None]] = {
    "bash": run_bash,
    "console": run_console,
    "dotenv": check_dotenv,
    "json": check_json,
    "python": run_python,
    "text": check_text,
    "toml": check_toml,
    "yaml": check_yaml,
}


def compare(expected: str, printed: str) -> None:
    """Equal but for spacing; ``...`` stands for anything."""
    wanted, got = " ".join(expected.split()), " ".join(printed.split())
    pattern = ".*".join(re.escape(part) for part in wanted.split("..."))
    if not re.fullmatch(pattern, got):
        raise DocError(f"the page shows\n{expected}\nbut this was printed\n{printed}")


def run_command(page: Page, command: str) -> str:
    """Run or check one shell command. Returns what it printed."""
    words = shlex.split(command, comments=True)
    while words and re.match(r"\w+=", words[0]):
        words.pop(0)
    if words[:1] == ["sudo"]:
        words.pop(0)
    if words[1:3] == ["-m", "pip"]:
        words = words[2:]
    act = COMMANDS.get(words[0]) if words else None
    if act is None:
        raise DocError(f"{command!r}: a page may use {', '.join(sorted(COMMANDS))}")
    return act(page, command, words[1:])


def execute(page: Page, command: str, _: list[str]) -> str:
    """Run ``command`` in a shell; it must exit with 0 and leave nothing behind."""
    process = subprocess.Popen(
        ["bash", "-c", command],
        cwd=page.cwd,
        env=page.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        printed, _none = process.communicate(timeout=SECONDS)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    if process.returncode:
        raise DocError(f"{command!r} exited with {process.returncode}:\n{printed}")
    return printed


def export(page: Page, command: str, words: list[str]) -> str:
    for word in words:
        name, _, value = word.partition("=")
        page.environment[name] = value
    return ""


def check_make(page: Page, command: str, words: list[str]) -> str:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    refuse(command, {word for word in words if "=" not in word} - targets, "make target")
    return ""


def check_pip(page: Page, command: str, words: list[str]) -> str:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pinned = re.findall(r"^([\w.-]+)==", (ROOT / "requirements/dev.txt").read_text(), re.MULTILINE)
    for word in words[1:]:
        if word.startswith("-"):
            continue
        wanted = Requirement(re.sub(r"^\.(?=\[|$)", "seawall", word))
        refuse(command, wanted.extras - project["optional-dependencies"].keys(), "extra")
        name = str(canonicalize_name(wanted.name))
        refuse(command, {name} - {"seawall", *pinned}, "package")
    return ""


def check_apt(page: Page, command: str, words: list[str]) -> str:
    named = re.search(r"^PREREQUISITES := (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    known = {"install", "update", "-y", *(named[1].split() if named else ())}
    refuse(command, set(words) - known, "prerequisite")
    return ""


def refuse(command: str, unknown: set[str], what: str) -> None:
    if unknown:
        raise DocError(f"{command!r}: no such {what}: {', '.join(sorted(unknown))}")


COMMANDS: dict[str, Callable[[Page, str, list[str]], str]] = {
    "apt": check_apt,
    "export": export,
    "make": check_make,
    "pip": check_pip,
    "python": execute,
    "seawall": execute,
}
