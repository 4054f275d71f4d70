"""Places where alerts are read: each sink renders for one kind of reader and posts once; retrying is not theirs."""

from service.sinks.alert_content import Links
from service.sinks.slack import SlackSink
from service.sinks.stdout import StdoutSink
from service.sinks.teams import TeamsSink
from service.sinks.webhook import WebhookSink
from service.sinks.wording import clean

__all__ = ["Links", "SlackSink", "StdoutSink", "TeamsSink", "WebhookSink", "clean"]
