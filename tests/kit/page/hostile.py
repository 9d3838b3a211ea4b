"""Texts that an app may put into a report, to be shown as what they are."""

from __future__ import annotations

from asgi_liveness.foreign import every_text
from asgi_liveness.page.model import Page
from tests.kit.page.made_up import page

TEXTS = {
    "markup": '<b onmouseover="window.hit=1">bold</b><img src=x onerror="window.hit=1">',
    "script": "<script>window.hit=1</script>",
    "end": "</script></style></title></textarea></select></svg></pre><script>window.hit=1</script>",
    "comment": "<!-- <script> --><![CDATA[ ]]>",
    "link": "javascript:window.hit=1",
    "data": "data:text/html,<script>window.hit=1</script>",
    "quotes": "\"'` onfocus=window.hit=1 autofocus x=\"'",
    "template": "{{ 7 * 7 }}{% raw %}${7*7}",
    "control": "a\x00b\x07c\x1b[31md\x9be\x7ff",
    "lines": "one\r\ntwo\u2028three\x0bfour",
    "bidi": "user\u202e\u2066txt.exe\u2069\u200f",
    "surrogate": "bad \udcff\ud800 bytes",
    "long": "x" * 100_000,
    "many": "word " * 20_000,
    "number": "9" * 400,
    "entity": "&lt;script&gt;&#60;&amp;amp;",
    "address": "https://example.org/\"onclick='window.hit=1'",
    "right to left": "\u0645\u0631\u062d\u0628\u0627 \u05e9\u05dc\u05d5\u05dd",
}


def everywhere(text: str) -> Page:
    """Every block, with *text* as every text of it."""
    found: Page = every_text(page(), lambda *_: text)
    return found
