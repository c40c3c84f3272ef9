"""The library's front door and the one composition root."""
