"""What learning history takes, and whether a state knows in the end what a replay of the same records would."""
