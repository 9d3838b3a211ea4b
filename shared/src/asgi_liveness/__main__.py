"""``python -m asgi_liveness`` is the command ``asgi-liveness``."""

import sys

from asgi_liveness.cli import main

if __name__ == "__main__":
    sys.exit(main())
