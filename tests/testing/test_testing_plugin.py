"""The pytest plugin, as a user's suite meets it: in a process of its own."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest

from seawall.testing import SimulatedProvider

pytest_plugins = ("pytester",)

ROOT = Path(__file__).parents[2]
Run = Callable[..., pytest.RunResult]


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Write ``source`` as a suite's one module and run it. Warnings are errors there too."""
    # Those of this repository's own suite take a second to load, and would be loaded 20 times.
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makeini("""
        [pytest]
        asyncio_mode = auto
        asyncio_default_fixture_loop_scope = function
        filterwarnings = error
    """)

    def run(source: str, *arguments: str) -> pytest.RunResult:
        pytester.makepyfile(test_user=source)
        return pytester.runpytest_subprocess(
            *("-p", "seawall.testing.plugin", "-p", "pytest_asyncio.plugin"),
            *("-p", "no:cacheprovider", "--strict-markers", *arguments),
            timeout=60,
        )

    return run


def test_pytest_finds_it_by_its_entry_point() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    [(name, module)] = project["entry-points"]["pytest11"].items()
    assert name == module, "else -p would load it twice"
    assert hasattr(import_module(module), "pytest_configure")


def test_it_costs_nothing_until_it_is_used(run: Run) -> None:
    source = """
        import sys

        def test_nothing_is_loaded_and_nothing_patched():
            ours = {name for name in sys.modules if name.startswith("seawall")}
            assert ours == {
                "seawall", "seawall.errors", "seawall.plugins",
                "seawall.testing", "seawall.testing.plugin",
            }
            assert "httptools" not in sys.modules
            import socket
            assert socket.getaddrinfo.__module__ == "socket"
    """
    run(source).assert_outcomes(passed=1)


def test_seawall_and_the_sdk_meet_a_simulated_outage(run: Run) -> None:
    source = """
        import openai
        import pytest
        from seawall import AsyncSeawall, Seawall

        HI = [{"role": "user", "content": "hi"}]

        @pytest.mark.simulator("500:requests=1", answer="Trieste")
        async def test_seawall(simulator):
            vendors = {"sim": {"base_url": simulator.url}}
            async with AsyncSeawall(vendors=vendors, ledger=False) as client:
                reply = await client.chat("Name a harbour.", model="sim/any")
            assert reply.text == "Trieste"
            assert [attempt.status for attempt in reply.decision.attempts] == [500, 200]
            assert simulator.verdict().good

        def test_without_a_loop(simulator):
            simulator.fail("429-ms:requests=1")
            with Seawall(vendors={"sim": {"base_url": simulator.url}}, ledger=False) as client:
                assert client.chat("hi", model="sim/any").text.startswith("High water")
            assert len(simulator.log) == 2

        @pytest.mark.simulator(answer="Trieste", rpm=100)
        def test_the_sdk_that_finds_it_by_itself(simulated_openai):
            client = openai.OpenAI(max_retries=0)
            with client:
                reply = client.chat.completions.with_raw_response.create(model="x", messages=HI)
                assert reply.headers["x-ratelimit-remaining-requests"] == "99"
                assert reply.parse().choices[0].message.content == "Trieste"
                with pytest.raises(openai.AuthenticationError):
                    client.chat.completions.create(model="fault/401", messages=HI)

        async def test_the_sdk_accepts_a_truncated_stream(simulated_openai):
            async with openai.AsyncOpenAI() as client:
                stream = await client.chat.completions.create(
                    model="fault/cut-clean", messages=HI, stream=True
                )
                text = "".join([chunk.choices[0].delta.content async for chunk in stream])
            simulated_openai.claim(text)
            assert "accepted a truncated answer" in str(simulated_openai.verdict())

        def test_each_test_has_its_own(simulator):
            assert len(simulator.log) == 0
    """
    run(source).assert_outcomes(passed=5)


def test_other_sdks_find_it_too(run: Run) -> None:
    source = """
        import json, os, urllib.request

        def ask(variable, path, body, **headers):
            headers |= {"content-type": "application/json"}
            url = os.environ[variable] + path
            asked = urllib.request.Request(url, json.dumps(body).encode(), headers)
            with urllib.request.urlopen(asked) as reply:
                return json.load(reply)

        HI = [{"role": "user", "content": "hi"}]
        ASKED = {"model": "m", "messages": HI, "max_tokens": 99}

        def test_anthropic(simulated_anthropic):
            assert ask("ANTHROPIC_BASE_URL", "/v1/messages", ASKED)["type"] == "message"
            assert os.environ["ANTHROPIC_API_KEY"]

        def test_google(simulated_google):
            path = "/v1beta/models/m:generateContent"
            told = ask("GOOGLE_GEMINI_BASE_URL", path, {"contents": [{"parts": [{"text": "hi"}]}]})
            assert told["candidates"][0]["finishReason"] == "STOP"
            assert os.environ["GEMINI_API_KEY"]
    """
    run(source).assert_outcomes(passed=2)


def test_a_misspelt_fault_is_an_error_of_the_test(run: Run) -> None:
    source = """
        import pytest

        @pytest.mark.simulator("cutt")
        def test_it(simulator): ...
    """
    result = run(source)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*there is no fault 'cutt'. Did you mean 'cut'?*"])


CALLS = """
    import asyncio, socket, threading
    import openai, pytest
    from seawall import AsyncSeawall

    def test_a_socket():
        with socket.socket() as sock:
            sock.connect(("192.0.2.1", 443))

    def test_version_6():
        with socket.socket(socket.AF_INET6) as sock:
            sock.connect_ex(("2001:db8::1", 443, 0, 0))

    def test_a_name():
        socket.create_connection(("api.example.com", 443))

    async def test_asyncio():
        await asyncio.open_connection("192.0.2.1", 443)

    def test_the_sdk():
        with openai.OpenAI(api_key="sk-x", base_url="https://api.example.com/v1") as client:
            client.models.list()

    async def test_the_asynchronous_sdk():
        async with openai.AsyncOpenAI(api_key="x", base_url="https://api.example.com") as client:
            await client.models.list()

    async def test_seawall():
        vendors = {"far": {"base_url": "https://api.example.com/v1"}}
        async with AsyncSeawall(vendors=vendors, ledger=False) as client:
            await client.chat("hi", model="far/x")

    def test_code_that_falls_back_on_any_exception():
        try:
            socket.create_connection(("api.example.com", 443))
        except Exception:
            pass

    async def test_this_machine():
        server = await asyncio.start_server(lambda r, w: w.close(), "localhost", 0)
        port = server.sockets[0].getsockname()[1]
        for host in ("localhost", "127.0.0.1"):
            _, writer = await asyncio.open_connection(host, port)
            writer.close()
        server.close()

    @pytest.mark.allow_network
    def test_one_that_may():
        with socket.socket() as sock, pytest.raises(OSError):
            sock.settimeout(0.01)
            sock.connect(("192.0.2.1", 443))
"""


def test_the_network_is_refused_to_every_kind_of_client(run: Run) -> None:
    result = run(CALLS, "-o", "seawall_network=refuse", "--tb=short")
    result.assert_outcomes(failed=8, passed=2)
    text = result.stdout.str()
    assert text.count("a test tried to connect to api.example.com, port 443") >= 5
    assert text.count("a test tried to connect to 192.0.2.1, port 443") >= 2
    assert "a test tried to connect to 2001:db8::1, port 443" in text
    assert "@pytest.mark.allow_network" in text


def test_it_is_refused_where_asked_for_or_where_a_provider_is_simulated(run: Run) -> None:
    source = """
        import socket, pytest

        def connect():
            with socket.socket() as sock:
                sock.settimeout(0.01)
                sock.connect(("192.0.2.1", 443))

        @pytest.mark.refuse_network
        def test_marked():
            connect()

        def test_with_a_fixture(simulator):
            connect()

        def test_by_default_nothing_is_refused():
            with pytest.raises(OSError):
                connect()

        @pytest.mark.allow_network
        def test_allowed(simulator):
            with pytest.raises(OSError):
                connect()
    """
    run(source).assert_outcomes(failed=2, passed=2)


def test_a_wrong_setting_is_told(run: Run) -> None:
    result = run("def test_it(): ...", "-o", "seawall_network=forbid")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*seawall_network is 'forbid'; write refuse or allow*"])


RECORDED = """
    import os
    import openai, pytest
    from seawall import AsyncSeawall

    HI = [{"role": "user", "content": "my key is sk-0123456789abcdef0123456789abcdef"}]

    async def test_the_sdk(exchanges):
        url = exchanges.url(os.environ["UPSTREAM"])
        async with openai.AsyncOpenAI(base_url=url, api_key="sk-very-secret-0123456789") as client:
            reply = await client.chat.completions.create(model="x", messages=HI)
            assert reply.choices[0].message.content == "Trieste"
            chunks = await client.chat.completions.create(model="x", messages=HI, stream=True)
            text = "".join([chunk.choices[0].delta.content or "" async for chunk in chunks])
            assert text == "Trieste"

    async def test_seawall(exchanges):
        vendors = {"up": {"base_url": os.environ["UPSTREAM"], "key": "sk-very-secret-012345678"}}
        client = AsyncSeawall(
            vendors=vendors, ledger=False, transports={"http": exchanges.transport()}
        )
        async with client:
            assert (await client.chat("Name a harbour.", model="up/x")).text == "Trieste"
"""


def test_exchanges_are_recorded_scrubbed_and_replayed(
    run: Run, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    upstream = SimulatedProvider(answer="Trieste")
    monkeypatch.setenv("UPSTREAM", upstream.url)
    run(RECORDED, "--seawall-record").assert_outcomes(passed=2)
    upstream.close()
    assert len(upstream.log) == 3
    kept = sorted((pytester.path / "exchanges").rglob("*.json"))
    assert [file.parent.relative_to(pytester.path).as_posix() for file in kept] == [
        "exchanges/test_user/test_seawall",
        "exchanges/test_user/test_the_sdk",
        "exchanges/test_user/test_the_sdk",
    ]
    for file in kept:
        text = file.read_text()
        assert "secret" not in text
        assert "0123456789abcdef" not in text
        assert json.loads(text)["origin"] == "captured"

    run(RECORDED).assert_outcomes(passed=2)

    result = run(RECORDED.replace("my key", "another key").replace("Name a", "Name the"))
    result.assert_outcomes(failed=2)
    text = result.stdout.str()
    assert "holds no reply to this request" in text
    assert "Name the harbour." in text
    assert "NotFoundError" in text


def test_without_exchanges_it_says_how_to_record_them(run: Run) -> None:
    result = run("def test_it(exchanges): ...")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*there are no exchanges in *test_it*--seawall-record*"])


def test_recording_asks_for_real_and_does_not_hide_that_nobody_answers(
    run: Run, pytester: pytest.Pytester
) -> None:
    source = """
        from seawall import ConnectionFault, Seawall
        import pytest

        def test_it(exchanges):
            client = Seawall(
                vendors={"up": {"base_url": exchanges.url("http://127.0.0.1:9/v1")}}, ledger=False
            )
            with client, pytest.raises(Exception, match="no connection to http://127.0.0.1:9"):
                client.chat("hi", model="up/x", retry=False)
    """
    run(source, "--seawall-record").assert_outcomes(passed=1)
    assert list(pytester.path.rglob("*.json")) == []


def test_an_upstream_that_is_none_is_told(run: Run, pytester: pytest.Pytester) -> None:
    source = """
        def test_it(exchanges):
            exchanges.url("api.openai.com/v1")
    """
    result = run(source, "--seawall-record")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*'api.openai.com/v1' is no base URL*"])
