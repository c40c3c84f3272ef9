"""What a model is told."""

import json
from dataclasses import dataclass

import pytest

from seawall.errors import OutputError
from seawall.output import instructions, reask, target


@dataclass
class Product:
    name: str
    price: float


def test_instructions_carry_the_schema() -> None:
    validator = target(Product)
    text = instructions(validator)
    assert json.loads(text[text.index("{") :]) == validator.schema
    assert "nothing else" in text


def test_a_reask_shows_the_errors_and_nothing_that_it_need_not() -> None:
    with pytest.raises(OutputError) as caught:
        target(Product).check('{"name": 3, "price": "cheap"}')
    assert reask(caught.value) == (
        "Your answer could not be used:\n"
        "- name: expected string, got number 3\n"
        "- price: expected number, got string 'cheap'\n"
        "Answer again with the whole corrected JSON and nothing else."
    )


def test_a_reask_is_bounded() -> None:
    error = OutputError("no", raw="x" * 100_000, errors=("y" * 5000,) * 100)
    assert len(reask(error)) < 2200


def test_a_reask_without_errors_tells_the_message() -> None:
    assert "the answer was empty" in reask(OutputError("the answer was empty", raw=""))
