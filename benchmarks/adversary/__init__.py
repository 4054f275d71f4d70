"""How well attackers are found who know their victim and this product, and how quiet honest work stays beside them.

``python -m benchmarks.adversary --help`` says what can be varied. All of it is planted into simulated tenants: no
figure that comes out of here is one of real attacks.
"""
