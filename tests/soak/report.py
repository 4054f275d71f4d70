"""What a soak came to, as a table in Markdown: which faults, how often, how soon all was well, what was broken."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from statistics import median


@dataclass
class Report:
    """What happened; `violations` is empty if all that must hold has held."""

    seed: int
    faults: Counter[str] = field(default_factory=Counter)
    back: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    seconds: float = 0.0
    days: float = 0.0
    messages: int = 0
    records: int = 0
    alerts: int = 0
    delivered: int = 0
    copies: int = 0
    grown: int = 0
    gaps: int = 0
    left_open: int = 0
    starts: int = 0
    set_aside: int = 0
    checks: int = 0
    violations: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        """Return the whole as Markdown."""
        happened = "nothing was lost, doubled or left broken" if not self.violations else "SOMETHING WAS BROKEN"
        lines = [
            f"{self.faults.total():,} faults in {self.seconds:,.0f} s (seed {self.seed}): {happened}.",
            "",
            f"{self.days:.0f} days of tenants: {self.messages:,} messages with {self.records:,} records.",
            f"{self.alerts:,} alerts and {self.gaps:,} coverage gaps, told in {self.delivered:,} different messages.",
            f"{self.copies - self.delivered:,} messages came again, {self.grown:,} of them with more findings.",
            f"{self.left_open:,} gaps were told and never closed: what knew of them was damaged or not saved.",
            f"{self.starts:,} starts; {self.set_aside:,} set aside; {self.checks:,} comparisons of what was learnt.",
            "",
            "| fault | times | ready again after, s: median | longest |",
            "|---|---|---|---|",
        ]
        for name, count in sorted(self.faults.items(), key=lambda one: (-one[1], one[0])):
            back = self.back.get(name)
            times = f"{median(back):.1f} | {max(back):.1f}" if back else " | "
            lines.append(f"| {name} | {count} | {times} |")
        if self.violations:
            lines += ["", "## Broken", "", *(f"- {one}" for one in self.violations)]
        return "\n".join(lines) + "\n"
