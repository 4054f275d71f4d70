"""What an instance shows that waits for another one: that it does, and no number to stand beside the other one's."""

from prometheus_client import CollectorRegistry, Gauge, ProcessCollector

METRIC = "unwonted_standby"
HELP = "1 while this instance waits until another one ends, and shows no other metrics; 0 while it works."

STANDBY = CollectorRegistry()

ProcessCollector(registry=STANDBY)
Gauge(METRIC, HELP, registry=STANDBY).set(1)
