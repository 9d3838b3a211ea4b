"""Texts that an app could write to harm what shows them."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st

TEXTS = (
    "<script>alert(1)</script>",
    "</script><img src=x onerror=alert(1)>",
    "\x1b[2J\x1b]0;title\x07red",
    "\u202egnp.exe",
    "a | b\n# heading\n::error::x",
    "~~~~\n```\n**bold** [a](javascript:x)",
    "\udcff\ud800",
    "\x00\x08\x7f\u2028",
    "&amp; \"quoted\" 'x'",
    "W" * 1000,
)
ANY = st.one_of(st.sampled_from(TEXTS), st.text(st.characters(), max_size=80))
PATIENTLY = settings(deadline=None, database=None)
"""No test fails on an absolute time: the machine may be busy."""
