"""What runs in a watched process: a heartbeat in each event loop, a watcher thread for stalls.

The rule: no signal, no timer of ``faulthandler``, no ctypes: each of them crashed watched
processes. No import from the kit: the process may run in another environment.
"""
