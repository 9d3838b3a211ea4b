"""The command: arguments and printing, one file for each group of commands."""
