"""How well the detectors find attacks, beside simpler rules that are fed with the same cells: one table on one command.

``python -m benchmarks.detection --help`` says what can be varied. Attacks on simulated tenants are simulated, attacks
on real logs are injected: no figure that comes out of here is one of real attacks.
"""
