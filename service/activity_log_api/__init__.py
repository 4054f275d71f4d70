"""Reads the activity log of the last 90 days from Azure's REST API: pages, tokens, and waiting where it throttles.

What is made of the records is left to whoever asked for them.
"""

from service.activity_log_api.asking import ApiRefused, ApiUnavailable
from service.activity_log_api.client import RETENTION, ActivityLogApi

__all__ = ["RETENTION", "ActivityLogApi", "ApiRefused", "ApiUnavailable"]
