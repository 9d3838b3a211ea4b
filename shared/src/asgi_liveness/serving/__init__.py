"""Processes: a server is started in a group of its own, and always ended."""
