"""The results page: one HTML file to watch, check and correct a tracking result.

`write_report` writes it; it opens from disk without a network. The page itself is
plain HTML, CSS and JavaScript in `page/`.
"""

from __future__ import annotations

from poseflow.report.write import Report, write_report

__all__ = ["Report", "write_report"]
