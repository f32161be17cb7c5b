"""Hardware and package versions of a benchmark run."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import sys
from pathlib import Path

VERSIONS = ("numpy", "scipy", "opencv-python", "munkres")


def hardware() -> dict[str, str]:
    """Processor, cores and versions, as printed above every table."""
    facts = {
        "processor": processor(),
        "cores": f"{os.cpu_count()}",
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
    }
    for package in VERSIONS:
        try:
            facts[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            facts[package] = "not installed"
    return facts


def processor() -> str:
    """Model of the processor, as far as the system provides it."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        text = ""
    model = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return model.group(1).strip() if model else platform.processor() or "unknown"


def peak_memory_mb() -> float | None:
    """Peak resident memory of this process, in MB; None on Windows."""
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 * 1024 if sys.platform == "darwin" else 1024)
