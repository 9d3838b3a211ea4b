"""The contract, its cases, and the verdict on an implementation."""
