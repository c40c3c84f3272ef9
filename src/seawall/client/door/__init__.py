"""The SDK door: Seawall as the HTTP client underneath an official SDK."""

from .front import http_client

__all__ = ["http_client"]
