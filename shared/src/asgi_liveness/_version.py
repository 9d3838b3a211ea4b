"""The version of the kit, which no other file repeats."""

__version__ = "0.1.0"
