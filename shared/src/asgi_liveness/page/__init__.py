"""One page for every report: a file of its own that opens from the disk."""
