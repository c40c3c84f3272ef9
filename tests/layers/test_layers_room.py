"""What is kept by route stays bounded, however many models a caller names."""

from __future__ import annotations

from seawall.layers.room import MOST, make_room


def _fill(kept: dict[str, int], name: str, value: int) -> None:
    make_room(kept, name, lambda value: value == 0)
    kept[name] = value


def test_the_oldest_at_rest_goes() -> None:
    kept: dict[str, int] = {}
    for number in range(MOST):
        _fill(kept, str(number), number % 2)
    _fill(kept, "new", 0)
    assert len(kept) == MOST
    assert "0" not in kept
    assert {"1", "2", "new"} <= kept.keys()


def test_what_says_something_stays() -> None:
    kept = {str(number): 1 for number in range(MOST)}
    _fill(kept, "new", 0)
    assert len(kept) == MOST + 1
    _fill(kept, "1", 0)
    assert len(kept) == MOST + 1
