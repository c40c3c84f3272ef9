from __future__ import annotations

import re
import string
import time

import pytest
from cli_doctor import ALNUM, HEX, made_up
from hypothesis import given
from hypothesis import strategies as st

from seawall.cli.doctor.detect import find, mask, placeholder
from seawall.secret_patterns import EXPRESSIONS

URL_SAFE = ALNUM + "-_"
KEYS = {
    "Anthropic key": made_up("sk-ant-api03-", 95, URL_SAFE),
    "OpenAI admin key": made_up("sk-admin-", 150, URL_SAFE),
    "OpenAI key": made_up("sk-proj-", 156, URL_SAFE),
    "OpenAI-style key": made_up("sk-", 32, HEX),
    "OpenRouter key": made_up("sk-or-v1-", 64, HEX),
    "Groq key": made_up("gsk_", 52),
    "Hugging Face token": made_up("hf_", 34, string.ascii_letters),
    "Google key": made_up("AIza", 35, URL_SAFE),
    "AWS access key id": made_up("AKIA", 16, string.ascii_uppercase + "234567"),
    "xAI key": made_up("xai-", 80),
    "Replicate token": made_up("r8_", 37),
    "NVIDIA key": made_up("nvapi-", 64, URL_SAFE),
    "Perplexity key": made_up("pplx-", 48),
}
AROUND = [
    "{}",
    'client("{}")',
    "KEY={}\n",
    "\\n{}\\n",
    "see {}, or not",
    "é{}é",
    "https://x/?key={}&y",
]


@pytest.mark.parametrize("around", AROUND)
@pytest.mark.parametrize("kind", KEYS)
def test_a_key_is_found_and_named(kind: str, around: str) -> None:
    text = around.format(KEYS[kind]).encode()
    [hit] = find(text)
    assert text[hit.start : hit.end].decode() == KEYS[kind]
    assert hit.kind == kind


@pytest.mark.parametrize("kind", sorted(KEYS.keys() - {"AWS access key id"}))
def test_what_is_found_is_also_masked(kind: str) -> None:
    text = f"the key is {KEYS[kind]}."
    for literal, expression in EXPRESSIONS.items():
        text = re.sub(expression, literal + "***", text)
    assert text.endswith("***.")
    assert len(text) < 30


NAMED = [
    "MISTRAL_API_KEY={}",
    "export COHERE_API_KEY={} \n",
    "docker run -e MISTRAL_API_KEY={} image",
    "set CO_API_KEY={}\r\n",
    "api_key: {}\n",
    "co_api_key: '{}'",
    'client(api_key="{}")',
    'api_key: str = "{}"',
    'const apiKey: string = "{}";',
    '{{"api_key": "{}"}}',
    'os.environ["MISTRAL_API_KEY"] = "{}"',
    'os.getenv("MISTRAL_API_KEY", "{}")',
    '"MISTRAL_API_KEY = \\"{}\\"\\n"',
    'azure_ai_key = "{}"',
    'aws_secret_access_key = "{}"',
]


@pytest.mark.parametrize("around", NAMED)
def test_a_key_without_a_prefix_is_known_by_its_name(around: str) -> None:
    key = made_up(length=32)
    text = around.format(key).encode()
    [hit] = find(text)
    assert text[hit.start : hit.end].decode() == key
    assert re.fullmatch(r"value of [\w.]*(key|KEY|Key)", hit.kind)


def test_a_bearer_token_is_found_once_and_by_its_own_prefix() -> None:
    plain, prefixed = made_up(length=40), KEYS["Groq key"]
    text = f'curl -H "Authorization: Bearer {plain}"\nAuthorization: bearer {prefixed}'.encode()
    assert [hit.kind for hit in find(text)] == ["bearer token", "Groq key"]


@pytest.mark.parametrize(
    "text",
    [
        "sk-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "OPENAI_API_KEY=sk-your-api-key-goes-here-12345",
        "api_key='your-api-key-here'",
        "OPENAI_API_KEY=${OPENAI_API_KEY}",
        "sk-${KEY}",
        "sk-abcdefghijklmnopqrstuvwxyz0123456789",
        "gsk_a1b2c3d4e5f6g7h8i9j0k1l2",
        "Authorization: Bearer eyJhbGciOiJIUzI1NiJ9.e30.abc",
        "sk-1234567890abcdef1234567890abcdef",
        "sk-proj-EXAMPLE4t7a0Zk3h5s8d1f6g9h2j4k7l0",
        "AKIAIOSFODNN7EXAMPLE",
        "hf_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "hf_transfer_enabled_by_default_since_2024",
        "api_key = settings.providers.mistral.key_2024_production",
        "api_key = get_the_key_of_2026_from_the_vault()",
        "task-2026-11-23-backup-of-everything-there-was",
        "disk-encryption-with-aes-256-gcm-siv-and-more",
        ".sk-fading-circle12.sk-circle-fade-delay-2",
        "<the-key>",
    ],
)
def test_a_placeholder_is_no_key(text: str) -> None:
    assert find(text.encode()) == []


def test_a_hash_that_holds_a_prefix_is_no_key() -> None:
    body = made_up(length=40)
    texts = (f"sha256={body}-sk-{body}", f"{body}AIza{made_up(length=35)}", f"{body}_hf_{body}")
    assert [find(text.encode()) for text in texts] == [[], [], []]


def test_names_of_other_things_are_not_taken_for_keys() -> None:
    digest = made_up(length=32, alphabet=HEX)
    assert find(f"primary_key = '{digest}'\ncache_key: {digest}\ntoken = '{digest}'".encode()) == []


@pytest.mark.parametrize("mark", ["gitleaks:allow", "pragma: allowlist secret"])
def test_a_line_may_say_that_its_key_is_meant(mark: str) -> None:
    one, other = made_up("sk-", seed=2), made_up("sk-", seed=3)
    text = f'a = "{one}"  # {mark}\nb = "{other}"\n'.encode()
    [hit] = find(text)
    assert text[hit.start : hit.end].decode() == other


@given(st.binary(max_size=400))
def test_any_bytes_can_be_looked_at(noise: bytes) -> None:
    key = KEYS["Groq key"].encode()
    text = noise + b"\n" + key + b"\n" + noise
    hits = find(text)
    assert any(text[hit.start : hit.end] == key for hit in hits)
    assert all(0 <= hit.start < hit.end <= len(text) for hit in hits)


@pytest.mark.parametrize("text", ["sk-", "hf_", "key = ", "api_key", "Bearer ", "AIza", "key: "])
def test_text_made_to_be_slow_is_not(text: str) -> None:
    began = time.process_time()
    find(text.encode() * 60_000)
    # A quadratic search takes minutes for this.
    assert time.process_time() - began < 5


def test_a_mask_shows_six_characters() -> None:
    assert mask("sk-proj-abcdef") == "sk-pro***"


@pytest.mark.parametrize(
    "value", ["sk-xxxx", "your-key-here", "${KEY}", "<key>", "changeme", "..."]
)
def test_a_placeholder_is_known(value: str) -> None:
    assert placeholder(value)


@pytest.mark.parametrize("kind", KEYS)
def test_a_key_is_no_placeholder(kind: str) -> None:
    assert not placeholder(KEYS[kind])
