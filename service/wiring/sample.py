"""Sends a sample alert to a sink, and says what to look at if it was not taken.

Neither an address nor anything else that is secret is said: a host, an option and the name of a file are not.
"""

from service.console import SampleSent
from service.core.alerting import sample_alert
from service.core.ports import Clock, Receipt
from service.sinks import SinkSettings, build_sink

_LOOK_AT = {
    "timeout": "no answer in time: look at firewalls and the network policy, and whether a proxy is needed "
    "(HTTPS_PROXY)",
    "connection": "no connection: look at its port, firewalls and the network policy, and whether a proxy is needed "
    "(HTTPS_PROXY)",
    "dns": "its name does not resolve from here: look at its spelling, DNS and the network policy",
    "tls": "its certificate is not trusted: look at {sink}.ca_file, and whether a proxy looks into TLS",
    "proxy": "the proxy that HTTPS_PROXY names does not let us through",
    "address_refused": "its name leads to a private or loopback address, which {sink}.allow_private would allow",
    "host_not_allowed": "{sink}.allow_hosts does not name it",
    "url_not_https": "the address should begin with https://",
    "url_unreadable": "there is no address: set {sink}.url_file",
    "url_invalid": "the address should be a web address, https://host/…",
    "secret_invalid": "{sink}.secrets should be whsec_ and 24 to 64 bytes in base64",
    "password_unreadable": "there is no password: set {sink}.password_file",
    "password_invalid": "{sink}.password should be one line of ASCII",
    "login_refused": "the server does not know {sink}.user with that password",
    "login_unsupported": "the server offers no login that is understood here: PLAIN, LOGIN or CRAM-MD5",
    "starttls_missing": "the server offers no STARTTLS: is {sink}.tls: tls meant, or is somebody in between?",
    "connection_string_unreadable": "there is no connection string: set {sink}.connection_string_file",
    "connection_string_invalid": "{sink}.connection_string should be one of an Event Hub, and name the hub",
    "not_authorized": "it does not know us: grant Azure Event Hubs Data Sender on the hub, or look at policy and key",
    "hub_not_found": "there is no such hub in that namespace: look at {sink}.hub",
    "rule_not_allowed": "grant Monitoring Metrics Publisher on the data collection rule to the identity; a new role "
    "takes up to half an hour",
    "rule_not_found": "there is no such data collection rule behind {sink}.endpoint: look at {sink}.rule_id",
    "stream_not_found": "the data collection rule has no stream {sink}.stream",
    "hub_disabled": "the hub is disabled: look at it in the Azure portal",
    "too_large": "it takes nothing of that size",
    "entra_token": "no Microsoft Entra token: in AKS, look at the workload identity; elsewhere, run az login",
    "flow_disabled": "the workflow is switched off or deleted: look at it in Power Automate",
    "answer_not_ok": "what answers there is not Slack: look at the host, and whether a proxy asks for a sign-in",
    "error_in_body": "the workflow has failed: look at its run history in Power Automate",
    "stream_closed": "whoever reads standard output has gone",
    "throttled": "it has had too many messages",
    "http_429": "it has had too many messages",
}
_REDIRECT = "the address has moved: put the new one where {address} has it from"
_MAIL = "the server takes no letter of {sink}.sender, or none to {sink}.recipients: look at both, and at its log"
_BY_OUTCOME = {
    "retry": "the receiver has a fault: look at its status page, or its log",
    "refused": "it does not accept this message: look at its log, and whether it is meant for what {sink}.kind says",
    "broken": "the address is wrong or no longer valid: make a new webhook there, and put its address where {address} "
    "has it from",
}


async def send_sample(name: str, settings: SinkSettings, clock: Clock) -> SampleSent:
    """Send a sample alert, marked as a test, to a sink once."""
    sink = build_sink(name, settings, clock)
    try:
        taken, said = True, "nothing to send"
        for message in sink.render([sample_alert(clock.now())]):
            receipt = await sink.send(message)
            taken, said = taken and receipt.outcome == "sent", _told(name, settings, receipt)
        return SampleSent(taken, said)
    finally:
        await sink.close()


def _told(name: str, sink: SinkSettings, receipt: Receipt) -> str:
    """Say what has become of the sample, and what to look at if it was not sent."""
    host, reason = sink.destination(), f" ({receipt.reason})"
    match receipt.outcome:
        case "sent":
            return "sent" + (f" to {host}" if host else "") + reason
        case "retry":
            outcome = "not delivered" + (f" to {host}" if host else "") + "; the service would try again"
        case "refused":
            outcome = "refused" + (f" by {host}" if host else "")
        case _:
            outcome = f"broken: {host} will not take any message" if host else "broken"
    return f"{outcome}{reason}: {_look_at(name, sink, receipt)}"


def _look_at(name: str, sink: SinkSettings, receipt: Receipt) -> str:
    """Return what to look at: the files of its secrets if one cannot be used, or what the reason is known to mean."""
    option = f"sinks.{name}"
    if problems := sink.file_problems():
        return "; ".join(f"{option}.{problem}" for problem in problems)
    hint = _LOOK_AT.get(receipt.reason) or _BY_OUTCOME.get(receipt.outcome, "")
    if receipt.reason.startswith("smtp_") and receipt.outcome == "broken":
        hint = _MAIL
    if receipt.reason.startswith("http_3"):
        hint = _REDIRECT
    address = "url_file" if getattr(sink, "url_file", None) else "url"
    return hint.format(sink=option, address=f"{option}.{address}")
