"""Who blocks an event loop: samples become stalls, each with its culprit and advice."""
