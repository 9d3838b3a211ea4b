"""Does your ASGI app still answer while it works?

``LoopBody`` is all that an implementation of the contract imports.
"""

from asgi_liveness.loop_body import LoopBody

__version__ = "0.1.0"
__all__ = ["LoopBody"]
