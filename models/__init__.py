"""Statistics of what identities do; pure: knows no Azure, clock, network, file, log or configuration.

`stream` makes cells of records, `statistics` holds what is learnt, `detectors` judge. Each stands on those before it.
"""
