"""Retry as a pure decision: what is asked again, when, and what never is."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from seawall import Retry
from seawall import errors as e
from seawall.dialects.openai_chat import WIRE
from seawall.errors import Fault
from seawall.ports import Headers

_CONTEXT = "This model's maximum context length is 8192 tokens"
_FILTER = "The response was filtered: content management policy"


def _fault(status: int, message: str = "no", **headers: str) -> Fault:
    """The fault a vendor's reply amounts to."""
    pairs = [(name.replace("_", "-"), value) for name, value in headers.items()]
    body = msgspec.json.encode({"error": {"message": message}})
    return WIRE.fault(status, Headers(pairs), body)


@pytest.mark.parametrize("status", [408, 409, 425, 429, 500, 501, 502, 503, 504, 520, 529, 599])
def test_what_may_pass_is_asked_again(status: int) -> None:
    assert Retry().decide(1, _fault(status), 0.5).wait == 0.25


@pytest.mark.parametrize(
    ("status", "message"),
    [
        *((status, "no") for status in (400, 401, 402, 403, 404, 405, 410, 413, 415, 418, 422)),
        (400, _CONTEXT),
        (413, _CONTEXT),
        (400, _FILTER),
        (403, _FILTER),
        (429, "You exceeded your current quota, please check your plan"),
        *((status, "moved") for status in (301, 302, 307, 308)),
    ],
)
@pytest.mark.parametrize("chance", [0.0, 0.999])
def test_what_cannot_pass_is_not(status: int, message: str, chance: float) -> None:
    again = Retry(attempts=9).decide(1, _fault(status, message), chance, left=1e6, alone=True)
    assert again.wait is None
    assert "is not retried" in again.reason


@pytest.mark.parametrize(
    ("fault", "again"),
    [
        (e.ConnectionFault("reset"), True),
        (e.MalformedReplyError("?"), True),
        (e.StreamCutError("cut"), True),
        (e.QueueFullError("full"), True),
        (e.TimeoutFault("connect", 1), True),
        (e.TimeoutFault("first_byte", 1), True),
        (e.TimeoutFault("idle", 1), True),
        (e.CircuitOpenError("open"), False),
        (e.UnsupportedError("no"), False),
        (e.OutputError("no", raw=""), False),
        (e.Fault("?"), False),
    ],
)
def test_faults_without_a_status(fault: Fault, again: bool) -> None:
    assert (Retry().decide(1, fault, 0.5).wait is not None) is again


@pytest.mark.parametrize("advice", ["true", "True", "TRUE"])
@pytest.mark.parametrize(("status", "again"), [(405, True), (418, True), (503, True)])
def test_a_provider_may_ask_for_a_retry(advice: str, status: int, again: bool) -> None:
    fault = _fault(status, x_should_retry=advice)
    assert (Retry().decide(1, fault, 0.5).wait is not None) is again


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
def test_no_provider_can_have_the_callers_own_mistake_retried(status: int) -> None:
    assert Retry().decide(1, _fault(status, x_should_retry="true"), 0.5).wait is None
    for message in (_CONTEXT, _FILTER):
        fault = _fault(413, message, x_should_retry="true", retry_after="1")
        assert Retry().decide(1, fault, 0.5).wait is None


@pytest.mark.parametrize("status", [408, 409, 429, 500, 503, 529])
def test_a_provider_may_forbid_a_retry(status: int) -> None:
    assert Retry().decide(1, _fault(status, x_should_retry="false"), 0.5).wait is None


_DATE = 1_700_000_045.0
_HTTP_DATE = format_datetime(datetime.fromtimestamp(_DATE, UTC), usegmt=True)
_RFC850 = datetime.fromtimestamp(_DATE, UTC).strftime("%A, %d-%b-%y %H:%M:%S GMT")
_ASCTIME = datetime.fromtimestamp(_DATE, UTC).strftime("%a %b %d %H:%M:%S %Y")


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry_after": "7"}, 7.0),
        ({"retry_after": " 7 "}, 7.0),
        ({"retry_after": "0"}, 0.0),
        ({"retry_after": "0.25"}, 0.25),
        ({"retry_after": "3599"}, 3599.0),
        ({"retry_after_ms": "1500"}, 1.5),
        ({"retry_after_ms": "0.5"}, 0.0005),
        ({"retry_after_ms": "250", "retry_after": "9"}, 0.25),
        ({"retry_after_ms": "soon", "retry_after": "9"}, 9.0),
        ({"retry_after": _HTTP_DATE}, 45.0),
        ({"retry_after": _RFC850}, 45.0),
        ({"retry_after": _ASCTIME}, 45.0),
        # The provider's clock counts, not ours.
        ({"retry_after": _HTTP_DATE, "date": "Tue, 14 Nov 2023 22:13:55 GMT"}, 10.0),
        ({"retry_after": "Tue, 14 Nov 2023 22:13:00 GMT"}, 0.0),
    ],
)
def test_retry_after_is_honoured_to_the_second(headers: dict[str, str], seconds: float) -> None:
    again = Retry().decide(
        1, _fault(429, **headers), 0.9, left=3600.0, alone=True, wall=1_700_000_000.0
    )
    assert again.wait == pytest.approx(seconds)
    assert again.reason == "retry-after"


@pytest.mark.parametrize("value", ["", "soon", "-5", "nan", "inf", "-inf", "7 seconds", "0x7"])
def test_a_retry_after_that_says_nothing_leaves_the_backoff(value: str) -> None:
    again = Retry().decide(1, _fault(503, retry_after=value), 0.5, wall=1.0)
    assert again == Retry().decide(1, _fault(503), 0.5)


@pytest.mark.parametrize("header", [{"retry_after": "60"}, {"retry_after_ms": "60000"}])
@pytest.mark.parametrize(("left", "waits"), [(60.1, True), (60.0, False), (3.0, False)])
def test_a_wait_must_fit_the_deadline(header: dict[str, str], left: float, waits: bool) -> None:
    again = Retry().decide(1, _fault(429, **header), 0.5, left=left)
    assert (again.wait == 60.0) is waits
    if not waits:
        assert "does not fit" in again.reason


def test_a_long_wait_goes_to_another_route_if_there_is_one() -> None:
    fault = _fault(429, retry_after="11")
    assert Retry().decide(1, fault, 0.5, alone=True).wait == 11.0
    assert Retry().decide(1, fault, 0.5, alone=False).wait is None
    assert Retry(patience=11).decide(1, fault, 0.5, alone=False).wait == 11.0


@pytest.mark.parametrize("phase", ["connect", "first_byte", "first_token", "idle", "total"])
def test_a_silent_route_is_not_asked_twice_when_another_exists(phase: Any) -> None:
    fault = e.TimeoutFault(phase, 1)
    assert Retry().decide(1, fault, 0.5, alone=False).wait is None
    assert Retry().decide(1, fault, 0.5, alone=True).wait is not None


_STATUSES = st.one_of(
    st.integers(100, 599), st.sampled_from([400, 401, 403, 404, 409, 422, 429, 503])
)
_HEADERS = st.dictionaries(
    st.sampled_from(["retry_after", "retry_after_ms", "x_should_retry", "date"]),
    st.one_of(
        st.sampled_from(["true", "false", _HTTP_DATE, "1e308", "9" * 400, "0x10"]),
        st.integers(-5, 10**12).map(str),
        st.floats().map(str),
        st.text("0123456789.eE+-, GMT", max_size=12),
    ),
)
_MESSAGES = st.sampled_from(["no", _CONTEXT, _FILTER, "insufficient_quota"])
_RETRIES = st.builds(
    Retry,
    attempts=st.integers(1, 8),
    base=st.floats(0, 5),
    cap=st.floats(0, 60),
    patience=st.floats(0, 60),
)
_CHANCES = st.floats(0, 1, exclude_max=True)


@settings(deadline=None, max_examples=300)
@given(
    _RETRIES,
    st.integers(1, 5000),
    _STATUSES,
    _MESSAGES,
    _HEADERS,
    _CHANCES,
    st.none() | st.floats(-10, 1e6),
    st.booleans(),
)
@example(Retry(), 1, 503, "no", {"retry_after": "1e308"}, 0.5, None, True)
def test_whatever_a_provider_says_the_decision_is_sound(
    retry: Retry,
    tried: int,
    status: int,
    message: str,
    headers: dict[str, str],
    chance: float,
    left: float | None,
    alone: bool,
) -> None:
    fault = _fault(status, message, **headers)
    again = retry.decide(tried, fault, chance, left=left, alone=alone, wall=1_700_000_000.0)
    assert again.reason
    if again.wait is None:
        return
    assert status not in (400, 401, 403, 404, 422)
    assert not isinstance(fault, (e.ContextLengthError, e.ContentFilterError))
    assert tried < retry.attempts
    assert again.wait >= 0
    assert left is None or again.wait < left
    if again.reason == "retry-after":
        assert alone or again.wait <= retry.patience
    else:
        assert again.wait <= min(retry.cap, retry.base * 2 ** (tried - 1))


@given(_RETRIES, st.integers(1, 5000))
def test_the_jitter_is_full(retry: Retry, tried: int) -> None:
    most = min(retry.cap, retry.base * 2.0 ** min(tried - 1, 60))
    waits = [retry.wait(tried, e.ConnectionFault("x"), chance) for chance in (0.0, 0.5, 0.75)]
    assert waits == ([None] * 3 if tried >= retry.attempts else [0.0, most / 2, most * 0.75])


@given(_STATUSES, _CHANCES)
def test_nothing_is_asked_again_once_the_caller_has_a_part(status: int, chance: float) -> None:
    fault = _fault(status, retry_after="1", x_should_retry="true")
    fault.delivered = True
    assert Retry(attempts=9).decide(1, fault, chance).wait is None
    assert Retry(attempts=9).wait(1, fault, chance) is None
