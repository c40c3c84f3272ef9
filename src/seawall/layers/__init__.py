"""Policies: each a frozen value with a pure decision, and a thin layer around it."""
