"""Azure's Activity Log REST API on this machine: pages, throttling, expiring tokens, closed subscriptions."""

from demo.activity_log_api.server import ActivityLogServer
from demo.activity_log_api.shapes import rest_record, subscription_of
from demo.activity_log_api.stand_in import StaticCredential

__all__ = ["ActivityLogServer", "StaticCredential", "rest_record", "subscription_of"]
