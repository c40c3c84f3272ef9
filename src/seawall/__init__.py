"""Seawall: the production layer between an application and AI APIs."""
