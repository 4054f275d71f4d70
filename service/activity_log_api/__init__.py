"""Reads the activity log of the last 90 days from Azure's APIs: pages, slices, tokens, and waiting where it throttles.

`client` asks Azure Resource Manager, `workspaces` the Log Analytics workspaces that the activity log is sent to. What
is made of the records is left to whoever asked for them.
"""

from service.activity_log_api.asking import ApiRefused, ApiUnavailable
from service.activity_log_api.client import RETENTION, ActivityLogApi
from service.activity_log_api.workspaces import EXTRA, LogAnalyticsApi, can_query_workspaces, query_address

__all__ = [
    "EXTRA",
    "RETENTION",
    "ActivityLogApi",
    "ApiRefused",
    "ApiUnavailable",
    "LogAnalyticsApi",
    "can_query_workspaces",
    "query_address",
]
