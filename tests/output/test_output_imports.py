"""What is loaded when."""

import subprocess
import sys

import pytest

import seawall.output

CHECK = """
import sys
{code}
print(*[name for name in ("pydantic", "json_repair", "jsonschema_rs") if name in sys.modules])
"""


def loaded(code: str) -> str:
    command = [sys.executable, "-c", CHECK.format(code=code)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.parametrize(
    ("code", "modules"),
    [
        ("import seawall.output", ""),
        ("from seawall.output import reask, target, instructions", ""),
        ("from seawall.output import extract_json", "json_repair jsonschema_rs"),
        ("from seawall.output import target; target(list[int])", "json_repair jsonschema_rs"),
    ],
)
def test_nothing_is_loaded_before_it_is_needed(code: str, modules: str) -> None:
    assert loaded(code) == modules


def test_the_public_names_are_there_and_sorted() -> None:
    assert seawall.output.__all__ == sorted(seawall.output.__all__)
    for name in seawall.output.__all__:
        assert getattr(seawall.output, name).__name__ == name
    with pytest.raises(AttributeError, match="nothing"):
        _ = seawall.output.nothing
