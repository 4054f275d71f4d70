"""Metrics and probes of a job's driver: there while it runs, and one line where the port is taken."""

from http.client import HTTPConnection

import pytest
from prometheus_client import CollectorRegistry, Counter

from service.monitoring.http import Health
from service.spark.metrics_port import MetricsPort


def answer(port: int, path: str) -> tuple[int, str]:
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def test_metrics_and_probes_are_served_until_the_job_ends() -> None:
    registry, health = CollectorRegistry(), Health()
    Counter("batches", "Batches.", registry=registry).inc(3)
    port = MetricsPort(registry, health, 0)
    try:
        assert "batches_total 3.0" in answer(port.port, "/metrics")[1]
        assert answer(port.port, "/healthz/ready")[0] == 503
        health.note_restored()
        health.note_partitions(owned=1, known=1)
        assert answer(port.port, "/healthz/ready")[0] == 200
        with pytest.raises(OSError, match=str(port.port)):
            MetricsPort(registry, health, port.port)
    finally:
        port.close()
    with pytest.raises(ConnectionRefusedError):
        answer(port.port, "/metrics")
