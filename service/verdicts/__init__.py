"""The journal of verdicts: a file, or a blob a verdict, added to and never changed; and watching it.

What a line says is `service.core.verdicts`' business, what the model makes of it the engine's.
"""

from service.verdicts.stores import BlobVerdictStore, FileVerdictStore
from service.verdicts.watch import VerdictsRead, VerdictWatch

__all__ = ["BlobVerdictStore", "FileVerdictStore", "VerdictWatch", "VerdictsRead"]
