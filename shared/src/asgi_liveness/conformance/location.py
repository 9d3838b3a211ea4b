"""The address of a job, from the ``Location`` of the response that started it."""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit


def address_of(location: str, url: str, path: str) -> str:
    """Return the address that *location* names in a response to *path* at the server *url*.

    Empty if *location* names none, or one of another origin: the suite asks only the target.
    """
    try:
        address = urljoin(f"{url}{path}", location)
        asked, named = urlsplit(url), urlsplit(address)
    except ValueError:
        return ""
    same = (asked.scheme, asked.netloc) == (named.scheme, named.netloc.lower())
    return address if location.strip() and same and address.isprintable() else ""
