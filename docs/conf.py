"""Sphinx configuration: `make docs` builds the site into site/."""

import importlib.metadata

project = "PoseFlow"
author = "The PoseFlow authors"
project_copyright = author
release = importlib.metadata.version("poseflow")

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
]

myst_heading_anchors = 4
myst_enable_extensions = ["dollarmath"]

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_default_options = {"members": True, "undoc-members": False}
# Names like `Poses` in a signature, without the modules they come from.
python_use_unqualified_type_names = True
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
# Docstrings are Google style with Markdown's single backquotes for code.
default_role = "code"

# Links to files outside docs/, such as model cards, stay plain text in the site;
# tests/test_docs.py checks that every link of every page has a target. Pages of
# commands have small headings below a title.
suppress_warnings = ["myst.xref_missing", "myst.header"]

html_theme = "furo"
html_title = f"PoseFlow {release}"
html_static_path = ["images"]
html_show_sphinx = False
copybutton_prompt_text = r"\$ "
copybutton_prompt_is_regexp = True
