"""Where Azure keeps the activity log, on this machine: the REST API, and the query API of Log Analytics.

Pages, slices, throttling, expiring tokens, what may not be read: all of it as Azure does it.
"""

from demo.activity_log_api.server import ActivityLogServer
from demo.activity_log_api.shapes import rest_record, subscription_of
from demo.activity_log_api.stand_in import StaticCredential
from demo.activity_log_api.workspaces import LogAnalyticsServer

__all__ = ["ActivityLogServer", "LogAnalyticsServer", "StaticCredential", "rest_record", "subscription_of"]
