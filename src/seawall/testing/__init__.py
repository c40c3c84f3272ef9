"""What a test of code that calls models needs: time that passes when the test says so."""

from .clock import VirtualClock

__all__ = ["VirtualClock"]
