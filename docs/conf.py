"""The settings of the site; ``nox -s site`` builds it into out/site."""

from __future__ import annotations

from importlib.metadata import version as installed

project = "asgi-liveness"
author = "the asgi-liveness authors"
version = release = installed("asgi-liveness")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx_copybutton"]
myst_enable_extensions = ["attrs_inline", "colon_fence", "deflist"]
myst_heading_anchors = 3
nitpicky = True
# Names of the standard library: their pages would have to be fetched to be checked.
nitpick_ignore_regex = [("py:.*", r"(collections|typing|asyncio|enum|pathlib)\..*")]
# Imported for type checkers alone, so autodoc sees no more than the name.
_KIT = ("Culprit", "Frame", "MergedStack", "Timeline")
_TYPES = (*_KIT, "Path", "datetime", "AbstractAsyncContextManager")
nitpick_ignore = [("py:class", name) for name in _TYPES]
exclude_patterns = ["_build"]

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
maximum_signature_line_length = 80
add_module_names = False
copybutton_exclude = ".linenos, .gp, .go"

html_theme = "furo"
html_title = f"asgi-liveness {release}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
pygments_style = "friendly"
pygments_dark_style = "github-dark"
