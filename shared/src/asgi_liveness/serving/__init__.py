"""Processes: each server starts in a group of its own, and always ends with it."""
