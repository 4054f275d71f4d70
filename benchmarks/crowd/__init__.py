"""Very many identities that are all active in one hour, and what it takes to judge and to remember them.

`benchmarks/throughput.py` measures with it; what a whole state of them takes, saved and restored, measures
`benchmarks/state.py`.
"""

from benchmarks.crowd.measuring import crowded, footprint
from benchmarks.crowd.tenant import HABITS, NOON, CrowdedTenant

__all__ = ["HABITS", "NOON", "CrowdedTenant", "crowded", "footprint"]
