"""Shadow attacks: imagined ones, judged in silence, that tell what this tenant would miss at today's thresholds."""

from service.core.shadow.attacks import ATTACKS, ShadowAttack
from service.core.shadow.recall import VICTIM_KINDS, Case, CaseCount, Origin, Recall
from service.core.shadow.shadows import Shadows

__all__ = ["ATTACKS", "VICTIM_KINDS", "Case", "CaseCount", "Origin", "Recall", "ShadowAttack", "Shadows"]
