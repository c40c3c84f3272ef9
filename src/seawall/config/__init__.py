"""Settings from code, environment, ``.env`` and a TOML file, in that precedence.

Sources become one tree of plain values, once, at the edge; the shape they must have is the
caller's to give. Nothing here writes ``os.environ``.
"""

from .gather import gather
from .shape import shape
from .sources import Source, Sources, Unset

__all__ = ["Source", "Sources", "Unset", "gather", "shape"]
