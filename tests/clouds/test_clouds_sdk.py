"""The transport ``sdk``: tried where the official packages are installed, and what it says where
they are not."""

from __future__ import annotations

import pytest

from environments import LOCKS, ROOT, environment
from seawall import AsyncSeawall, ConfigError

_ROOMS = ("-o", "pythonpath=tests/framing tests/transports")


@pytest.mark.parametrize("file", ["parity_sdk_inside.py", "accounts_sdk_inside.py"])
def test_with_the_packages_themselves(file: str) -> None:
    printed = environment("cloud-sdks").run_tests(*_ROOMS, ROOT / "tests/clouds" / file)
    assert " passed" in printed
    assert "failed" not in printed


def test_the_lock_names_no_host_and_hashes_everything() -> None:
    text = (LOCKS / "cloud-sdks.txt").read_text()
    assert "://" not in text
    assert text.count("==") <= text.count("--hash=sha256:")
    for package in ("openai==3.", "anthropic==2.", "google-genai==3.", "boto3==", "azure-identity"):
        assert f"\n{package}" in text


async def test_a_missing_package_names_the_extra_that_brings_it() -> None:
    own = {"base_url": "http://wall/v1", "transport": "sdk",
           "sdk": {"client": "no_such_package:Client", "extra": "bedrock"}}  # fmt: skip
    seawall = AsyncSeawall(vendors={"wall": own}, ledger=False)
    with pytest.raises(ConfigError, match=r'no_such_package.*pip install "seawall\[bedrock\]"'):
        await seawall.chat("hi", model="wall/any")


async def test_a_vendor_without_a_known_sdk_is_told() -> None:
    own = {"base_url": "http://wall/v1", "transport": "sdk", "dialect": "bedrock"}
    seawall = AsyncSeawall(vendors={"wall": own}, ledger=False)
    with pytest.raises(ConfigError, match="no SDK is known for wall"):
        await seawall.chat("hi", model="wall/any")
