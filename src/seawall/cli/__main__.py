"""``python -m seawall.cli``."""

from . import main

main()
