"""When faults happen: by schedule, by chance, by the model's name."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from simulator_world import World, question

from seawall.errors import ConfigError
from seawall.simulator import Pace, Quota, Rule, Script, Simulator, load_script
from seawall.simulator.answers import TEXT


async def statuses(world: World, count: int, **fields: object) -> list[int]:
    return [(await world.raw(question(f"{n}", **fields)))[0] for n in range(count)]


async def test_the_nth_request() -> None:
    world = World(Script(faults=(Rule(fault="500", requests=(1, 3)),)))
    assert await statuses(world, 4) == [500, 200, 500, 200]


async def test_every_so_many() -> None:
    world = World(Script(faults=(Rule(fault="503", every=3),)))
    assert await statuses(world, 6) == [200, 200, 503, 200, 200, 503]


async def test_a_period() -> None:
    world = World(Script(faults=(Rule(fault="503", after=10, until=20),)))
    found: list[int] = []
    for _ in range(6):
        found += await statuses(world, 1)
        world.clock.advance(5)
    assert found == [200, 200, 503, 503, 200, 200]


async def test_a_model_or_a_pattern_and_streams_only() -> None:
    rules = (Rule(fault="401", model="gpt-*"), Rule(fault="500", stream=True))
    world = World(Script(faults=rules))
    assert await statuses(world, 1, model="gpt-4o") == [401]
    assert await statuses(world, 1, model="other") == [200]
    assert await statuses(world, 1, model="other", stream=True) == [500]


async def test_chance_is_fair_and_the_same_for_the_same_seed() -> None:
    def script(seed: int, *before: Rule) -> Script:
        return Script(seed=seed, faults=(*before, Rule(fault="500", chance=0.3)))

    first = await statuses(World(script(7)), 300)
    assert first == await statuses(World(script(7)), 300)
    assert first != await statuses(World(script(8)), 300)
    assert 60 < first.count(500) < 120


async def test_each_rule_has_dice_of_its_own() -> None:
    both = (Rule(fault="500", chance=0.5), Rule(fault="503", chance=0.5))
    found = await statuses(World(Script(faults=both)), 200)
    assert found.count(503) > 20, "the second rule's dice are not those of the first"


async def test_the_first_rule_that_holds_counts() -> None:
    world = World(Script(faults=(Rule(fault="500", requests=(1,)), Rule(fault="503"))))
    assert await statuses(world, 2) == [500, 503]


async def test_once_is_once_for_each_question() -> None:
    world = World(Script(faults=(Rule(fault="500", once=True),)))
    asked = [question("a"), question("b"), question("a"), question("b"), question("a")]
    assert [(await world.raw(one))[0] for one in asked] == [500, 500, 200, 200, 500]


async def test_names_of_models_are_rules_too() -> None:
    world = World(Script(faults=(Rule(fault="401"),)))
    assert await statuses(world, 1, model="fault/500") == [500]
    once = question(model="fault/429-float-once")
    assert [(await world.raw(once))[0] for _ in range(2)] == [429, 200]
    world.clock.advance(1000)
    found: list[int] = []
    for _ in range(3):
        found += await statuses(world, 1, model="fault/503-for-10s")
        world.clock.advance(6)
    assert found == [503, 503, 200], "the period begins with the model's first request"


async def test_other_paths_are_not_counted_among_the_requests() -> None:
    world = World(Script(faults=(Rule(fault="500", requests=(1,)),)))
    assert (await world.raw(path="/v1/models", method="GET"))[0] == 200
    assert await statuses(world, 1) == [500]


async def test_speed_shortens_what_the_client_waits_and_is_told() -> None:
    rules = (Rule(fault="429-ms", retry_after=20, requests=(1,)), Rule(fault="slow-start"))
    world = World(Script(faults=rules), speed=10)
    _, headers, _ = await world.raw(question())
    assert headers["retry-after-ms"] == "2000"
    await world.raw(question())
    assert world.clock.now() == 0.5


async def test_pace() -> None:
    script = Script(answer="one two three", pace=Pace(first_token=2, between=0.5))
    for stream in (True, False):
        world = World(script)
        await world.raw(question(stream=stream))
        assert world.clock.now() == pytest.approx(2 + 4 * 0.5 if stream else 2 + 3 * 0.5)


SCRIPT = """
answer = "Trieste"
seed = 7
models = ["harbour"]
quota = { requests = 60, tokens = 10_000 }
pace = { first_token = 0.2 }

[[faults]]
fault = "429"
requests = [1, 2]
retry_after = 2

[[faults]]
fault = "cut"
chance = 0.1
at = 3
"""


def test_a_script_is_a_file_too(tmp_path: Path) -> None:
    file = tmp_path / "outage.toml"
    file.write_text(SCRIPT)
    script = Script(
        answer="Trieste",
        seed=7,
        models=("harbour",),
        quota=Quota(requests=60, tokens=10_000),
        pace=Pace(first_token=0.2),
        faults=(
            Rule(fault="429", requests=(1, 2), retry_after=2),
            Rule(fault="cut", chance=0.1, at=3),
        ),
    )
    assert load_script(file) == script == Simulator(file).script


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('[[faults]]\nfault = "cutt"', "there is no fault 'cutt'. Did you mean 'cut'?"),
        ('[[faults]]\nfault = "cut"\nchanse = 1', "chanse"),
        ('[[faults]]\nfault = "cut"\nchance = 2', r"\$.faults\[0\].chance"),
        ("answer = ", "outage.toml"),
        ("answer = 3", r"\$.answer"),
    ],
)
def test_a_wrong_file_is_named_and_what_is_wrong(tmp_path: Path, text: str, complaint: str) -> None:
    file = tmp_path / "outage.toml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=complaint) as caught:
        load_script(file)
    assert caught.value.source == str(file)


def test_a_missing_file_and_a_speed_of_nothing_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        Simulator(tmp_path / "nowhere.toml")
    with pytest.raises(ConfigError, match="speed is 0"):
        Simulator(speed=0)


async def test_the_text_is_the_answer_to_everything() -> None:
    _, _, body = await World().raw(question())
    answer = msgspec.json.decode(body)
    assert answer["choices"][0]["message"]["content"] == TEXT
    assert answer["usage"]["completion_tokens"] > 5
