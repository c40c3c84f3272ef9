"""A provider that breaks on purpose, in process or on sockets, and judges who asks it."""

from .answers import Answer
from .conduct import Charge, Conduct, Offence, Verdict, judge
from .embedded import embedded
from .faults import KINDS, Kind
from .log import Log, Seen
from .quota import Quota
from .scene import Pace
from .script import Rule, Script, load_script, parse_rule
from .simulator import Simulator

__all__ = [
    "KINDS",
    "Answer",
    "Charge",
    "Conduct",
    "Kind",
    "Log",
    "Offence",
    "Pace",
    "Quota",
    "Rule",
    "Script",
    "Seen",
    "Simulator",
    "Verdict",
    "embedded",
    "judge",
    "load_script",
    "parse_rule",
]
