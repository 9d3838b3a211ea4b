"""A badge: two fields with a word each, as SVG, and as the JSON of a shields endpoint. Pure.

The rule: every text is data and may be written to harm; it is made plain, cut and escaped here. The
message says the verdict, and the colour only repeats it.
"""

from __future__ import annotations

import json
import unicodedata
from typing import Final, NamedTuple
from xml.sax.saxutils import escape

from asgi_liveness.foreign import plain

LABEL: Final = "event loop"
MOST: Final = 60
"""Characters of a message: as wide as a front page lets a badge be."""
COLOURS: Final = {True: "1a7f37", False: "b42318", None: "6b5900"}
"""The colour behind a message, by whether it is good news; white on it has a contrast of 5 to 1 and
more. Shields takes it without a ``#``."""
LABEL_COLOUR: Final = "3d444d"
TEXT_COLOUR: Final = "ffffff"
_WIDE: Final = "WF"  # the widths of characters that take two columns
_COLUMN: Final = 6.6  # pixels of a column of text of 11 pixels
_SPACE: Final = 6  # pixels on each side of a text
_HEIGHT: Final = 20  # pixels, as other badges have


class Badge(NamedTuple):
    """What a badge says."""

    label: str
    message: str
    good: bool | None
    """None: neither good nor bad, as where nothing could be judged."""


def endpoint(label: str, message: str, good: bool | None) -> str:
    """Return the JSON that shields.io reads from an address and draws."""
    fields = {
        "schemaVersion": 1,
        "label": plain(label, MOST),
        "message": plain(message, MOST),
        "color": COLOURS[good],
        "labelColor": LABEL_COLOUR,
    }
    return json.dumps(fields, indent=1) + "\n"


def svg(label: str, message: str, good: bool | None) -> str:
    """Return the badge as a picture that needs nothing else; a frame parts it from any page."""
    texts = [plain(text, MOST) for text in (label, message)]
    left, right = (_columns(text) * _COLUMN + 2 * _SPACE for text in texts)
    width, title = left + right, escape(": ".join(texts), {'"': "&quot;"})
    fields = zip(texts, (0.0, left), (left, right), strict=True)
    words = "\n".join(_text(text, x + size / 2, size - 2 * _SPACE) for text, x, size in fields)
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" data-made-by="asgi-liveness" role="img" \
aria-label="{title}" width="{width:.0f}" height="{_HEIGHT}" viewBox="0 0 {width:.1f} {_HEIGHT}">
<title>{title}</title>
<rect width="{left:.1f}" height="{_HEIGHT}" fill="#{LABEL_COLOUR}"/>
<rect x="{left:.1f}" width="{right:.1f}" height="{_HEIGHT}" fill="#{COLOURS[good]}"/>
<rect x="0.5" y="0.5" width="{width - 1:.1f}" height="{_HEIGHT - 1}" fill="none" \
stroke="#8b949e"/>
<g fill="#{TEXT_COLOUR}" text-anchor="middle" font-family="Verdana,DejaVu Sans,sans-serif" \
font-size="11">
{words}
</g>
</svg>
"""


def _text(text: str, middle: float, width: float) -> str:
    """Return a text in as many pixels as its field has, whatever the font."""
    fitted = f' textLength="{width:.1f}" lengthAdjust="spacingAndGlyphs"' if text else ""
    return f'<text x="{middle:.1f}" y="14"{fitted}>{escape(text)}</text>'


def _columns(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    return sum(1 + (unicodedata.east_asian_width(letter) in _WIDE) for letter in text)
