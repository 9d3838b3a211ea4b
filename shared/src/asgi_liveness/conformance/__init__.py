"""The contract, its cases, and the judgement of an implementation."""
