"""Requests on schedule, and their responses."""
