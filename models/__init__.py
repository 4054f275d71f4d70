"""Pure statistics and time arithmetic: knows no Azure, clock, network, file, log or configuration."""
