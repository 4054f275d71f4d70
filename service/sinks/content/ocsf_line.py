"""An alert of the past as a line of OCSF, for whoever takes alerts along: a Detection Finding with where it stands.

What stands in a finding is `ocsf`'s; what is cut of one that is too long, `cloud_event`'s.
"""

from service.core.alerting import Alert
from service.core.incidents import IncidentState
from service.sinks.content.alert_content import ALL_LINKS, Links
from service.sinks.content.cloud_event import cut_alert
from service.sinks.content.messages import compact
from service.sinks.content.ocsf import detection_finding

# status_id of a Detection Finding: 1 New, 2 In Progress, 4 Resolved.
_STATUS = {
    IncidentState.NEW: (1, "New"),
    IncidentState.ACKNOWLEDGED: (2, "In Progress"),
    IncidentState.CLOSED: (4, "Resolved"),
}
_LONGEST, _FINDINGS = 1_024, 100


def ocsf_line(alert: Alert, state: IncidentState = IncidentState.NEW, links: Links = ALL_LINKS) -> bytes:
    """Return an alert as class 2004 in one line of JSON in UTF-8, with the state of its incident as its status."""
    number, name = _STATUS[state]
    finding = detection_finding(cut_alert(alert, _LONGEST, _FINDINGS), links)
    return compact({**finding, "status_id": number, "status": name}) + b"\n"
