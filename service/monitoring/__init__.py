"""What operators watch: the HTTP server with its probes, and the log. Metrics have a package of their own."""

from service.monitoring.http import Health, HttpServer, sample_loop_lag
from service.monitoring.logs import Redactor, configure

__all__ = ["Health", "HttpServer", "Redactor", "configure", "sample_loop_lag"]
