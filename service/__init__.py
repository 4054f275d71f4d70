"""Everything that knows the world: Event Hubs, snapshots, alerts, sinks, metrics and the command line."""
