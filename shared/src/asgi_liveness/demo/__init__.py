"""The live view of the freeze and its fixes: on a terminal, as a page, and as plain text."""
