from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from seawall.sinks.lines import frame, split

bodies = st.lists(st.binary(max_size=60).map(lambda body: body.replace(b"\n", b"")), max_size=8)


@given(bodies, st.integers(0, 600))
def test_what_is_cut_anywhere_loses_only_the_cut_line(written: list[bytes], cut: int) -> None:
    data = b"".join(map(frame, written))[:cut]
    whole = data.count(b"\n")
    found = split(data, 1000)
    assert [bytes(body) for body in found.bodies] == written[:whole]
    assert found.torn == 0
    assert found.taken == data.rfind(b"\n") + 1


@given(bodies.filter(bool), st.data())
def test_a_changed_byte_costs_at_most_the_lines_it_touches(
    written: list[bytes], data: st.DataObject
) -> None:
    lines = bytearray(b"".join(map(frame, written)))
    at = data.draw(st.integers(0, len(lines) - 1))
    lines[at] ^= data.draw(st.integers(1, 255))
    found = [bytes(body) for body in split(bytes(lines), 1000).bodies]
    hit = bytes(lines[:at]).count(b"\n")
    assert found[:hit] == written[:hit]
    assert len(found) >= len(written) - 2


def test_at_most_so_many_lines_are_taken() -> None:
    data = frame(b"a") * 5
    first = split(data, 2)
    assert len(first.bodies) == 2
    assert len(split(data[first.taken :], 10).bodies) == 3
