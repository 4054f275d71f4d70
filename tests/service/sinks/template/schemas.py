"""What other products take, as JSON Schemas: the rules that their public documentation gives for each field."""

from typing import Any

_TEXT = {"type": "string", "minLength": 1}
_LINE = {**_TEXT, "pattern": "^[^\\n\\r]*$"}


def _object(required: list[str], **properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": required, "properties": properties, "additionalProperties": False}


def _text(longest: int, *, lines: bool = False) -> dict[str, Any]:
    return {**(_TEXT if lines else _LINE), "maxLength": longest}


SCHEMAS: dict[str, dict[str, Any]] = {
    # https://developer.pagerduty.com/docs/events-api-v2/trigger-events/
    "pagerduty": _object(
        ["event_action", "dedup_key", "payload"],  # routing_key is added when it is sent
        routing_key={"type": "string", "minLength": 32, "maxLength": 32},
        event_action={"enum": ["trigger", "acknowledge", "resolve"]},
        dedup_key=_text(255),
        client=_TEXT,
        client_url=_TEXT,
        payload=_object(
            ["summary", "source", "severity"],
            summary=_text(1024),
            source=_LINE,
            severity={"enum": ["critical", "error", "warning", "info"]},
            timestamp={"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$"},
            component=_TEXT,
            group=_TEXT,
            **{"class": _TEXT},
            custom_details={"type": "object"},
        ),
        links={
            "type": "array",
            "items": _object(["href"], href={"type": "string", "pattern": "^https?://"}, text=_TEXT),
        },
    ),
    # https://docs.opsgenie.com/docs/alert-api#create-alert
    "opsgenie": _object(
        ["message"],
        message=_text(130),
        alias=_text(512),
        description=_text(15_000, lines=True),
        entity=_text(512),
        source=_text(100),
        priority={"enum": ["P1", "P2", "P3", "P4", "P5"]},
        tags={"type": "array", "maxItems": 20, "items": _text(50)},
        details={"type": "object", "additionalProperties": {"type": "string", "maxLength": 2_000}},  # 8,000 in all
    ),
    # https://www.servicenow.com/docs/bundle/zurich-api-reference/page/integrate/inbound-rest/concept/c_TableAPI.html
    # and the dictionary of the tables task and incident: lengths, and the choices of urgency and impact.
    "servicenow": _object(
        ["short_description"],
        short_description=_text(160),
        description=_text(4_000, lines=True),
        urgency={"enum": ["1", "2", "3"]},
        impact={"enum": ["1", "2", "3"]},
        category=_text(40),
        assignment_group=_TEXT,
        correlation_id=_text(100),
        correlation_display=_text(100),
    ),
    # https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issues/#api-rest-api-3-issue-post
    # and https://developer.atlassian.com/cloud/jira/platform/apis/document/structure/
    "jira": _object(
        ["fields"],
        fields=_object(
            ["project", "issuetype", "summary"],
            project=_object(["key"], key={"type": "string", "pattern": "^[A-Z][A-Z0-9_]+$"}),
            issuetype=_object(["name"], name=_TEXT),
            summary=_text(255),
            labels={"type": "array", "items": {"type": "string", "pattern": r"^\S{1,255}$"}},
            description=_object(
                ["type", "version", "content"],
                type={"const": "doc"},
                version={"const": 1},
                content={
                    "type": "array",
                    "minItems": 1,
                    "items": _object(
                        ["type", "content"],
                        type={"enum": ["codeBlock", "paragraph"]},
                        content={
                            "type": "array",
                            "minItems": 1,
                            "items": _object(
                                ["type", "text"],
                                type={"const": "text"},
                                text=_text(32_767, lines=True),
                                marks={
                                    "type": "array",
                                    "items": _object(
                                        ["type", "attrs"],
                                        type={"const": "link"},
                                        attrs=_object(["href"], href={"type": "string", "pattern": "^https?://"}),
                                    ),
                                },
                            ),
                        },
                    ),
                },
            ),
        ),
    ),
    # https://docs.splunk.com/Documentation/Splunk/latest/Data/FormateventsforHTTPEventCollector
    "splunk": _object(
        ["event"],
        time={"type": "number", "minimum": 0},
        host=_TEXT,
        source=_TEXT,
        sourcetype=_TEXT,
        index={"type": "string", "pattern": "^[a-z0-9][a-z0-9_-]*$"},
        event={"type": "object", "minProperties": 1},
    ),
    # Ours: what docs/templates.md promises.
    "json": _object(
        ["id", "revision", "kind", "stage", "severity", "score", "title", "time", "actor", "findings", "reference"],
        id=_text(16),
        revision={"type": "integer", "minimum": 1},
        kind={"enum": ["alert", "notice", "verdict"]},
        incident=_object(["id", "number"], id={"type": "string"}, number={"type": "integer", "minimum": 0}),
        verdict=_object(
            ["id", "kind", "by", "why"], **{key: {"type": "string"} for key in ["id", "kind", "by", "why"]}
        ),
        stage={"enum": ["opened", "updated", "closed"]},
        severity={"enum": ["informational", "low", "medium", "high", "critical"]},
        score={"type": "number", "minimum": 0, "maximum": 100},
        title=_LINE,
        time=_TEXT,
        actor=_object(["id", "name", "kind"], id={"type": "string"}, name={"type": "string"}, kind={"type": "string"}),
        detector={"type": "string"},
        operation={"type": "string"},
        resource={"type": "string"},
        addresses={"type": "array", "maxItems": 10, "items": {"type": "string"}},
        mitre={"type": "string"},
        findings={"type": "array", "maxItems": 5, "items": {"type": "object"}},
        checks={"type": "array", "maxItems": 5, "items": _TEXT},
        links={"type": "array", "items": _object(["label", "url"], label=_TEXT, url={"type": "string"})},
        query={"type": "string"},
        reference=_TEXT,
    ),
}
