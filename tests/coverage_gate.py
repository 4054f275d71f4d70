"""Refuses a module whose branches its own tests leave out: `python -m tests.coverage_gate build/coverage.json`.

Looks at each module, because a mean hides the one that nobody tests. What coverage.py counts is lines and branches
together.
"""

import json
import sys
from pathlib import Path
from typing import Any

LEAST = 90.0
"""Per cent of the lines and branches of a module."""


def too_little(report: dict[str, Any]) -> list[str]:
    """Return a line for each module below the least, the worst first.

    Parameters
    ----------
    report
        What ``coverage json`` writes.

    Raises
    ------
    ValueError
        Nothing was measured.
    """
    if not report["files"]:
        raise ValueError("nothing was measured")
    if not report["meta"]["branch_coverage"]:
        raise ValueError("branches were not measured")
    shares = {name: float(file["summary"]["percent_covered"]) for name, file in report["files"].items()}
    return [
        f"{name}: {share:.1f} % of {LEAST:g} %; never run: lines {_ranges(report['files'][name]['missing_lines'])}"
        for name, share in sorted(shares.items(), key=lambda item: item[1])
        if share < LEAST
    ]


def _ranges(lines: list[int]) -> str:
    """Return line numbers, neighbours as a range.

    >>> _ranges([3, 4, 5, 9])
    '3-5, 9'
    """
    groups: list[list[int]] = []
    for line in lines:
        if groups and groups[-1][-1] == line - 1:
            groups[-1].append(line)
        else:
            groups.append([line])
    return ", ".join(f"{group[0]}-{group[-1]}" if len(group) > 1 else str(group[0]) for group in groups) or "none"


if __name__ == "__main__":
    file = Path(sys.argv[1])
    report = json.loads(file.read_text(encoding="utf-8"))
    lines = too_little(report)
    total = report["totals"]["percent_covered"]
    told = [*lines, f"{total:.1f} % of lines and branches over {len(report['files'])} modules", ""]
    sys.stdout.write("\n".join(told))
    sys.exit(1 if lines else 0)
