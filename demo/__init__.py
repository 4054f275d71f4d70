"""A tenant, an Event Hub and a chat channel on one machine: what the service needs to be seen at work."""
