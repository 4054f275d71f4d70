"""The columns of the table that alerts are rows of; the templates that make the table are generated from here."""

from types import MappingProxyType

STREAM = "Custom-UnwontedAlerts_CL"
"""Name of the stream in the data collection rule; without its beginning, of the table."""
COLUMNS = MappingProxyType(
    {
        "TimeGenerated": "datetime",
        "Kind": "string",
        "AlertId": "string",
        "Revision": "int",
        "Stage": "string",
        "Severity": "string",
        "Score": "real",
        "Title": "string",
        "Description": "string",
        "ActorId": "string",
        "ActorName": "string",
        "ActorKind": "string",
        "IdentityCount": "int",
        "Identities": "dynamic",
        "Detectors": "dynamic",
        "Operations": "dynamic",
        "Resources": "dynamic",
        "IpAddresses": "dynamic",
        "CorrelationIds": "dynamic",
        "Tactics": "dynamic",
        "Techniques": "dynamic",
        "WindowStart": "datetime",
        "WindowEnd": "datetime",
        "Findings": "dynamic",
        "FindingsLeftOut": "int",
        "Partitions": "dynamic",
        "Subscriptions": "dynamic",
        "Query": "string",
        "Link": "string",
    }
)
"""Name and type of each."""
