"""Turns the section event_hub into the options of the source."""

from service.core.ports import SourceError
from service.settings import EventHubSettings, Settings, SettingsError
from service.source import Proxy, SourceOptions


def source_options(settings: Settings) -> SourceOptions:
    """Return the options of the Event Hub source.

    Raises
    ------
    SettingsError
        The settings name no hub, or the connection string cannot be read.
    """
    try:
        return _from_section(settings.event_hub)
    except OSError as error:
        place = settings.event_hub.connection_string_file
        raise SettingsError([f"event_hub.connection_string_file: {place}: {error.strerror or error}"]) from None
    except (SourceError, ValueError) as error:
        raise SettingsError([f"event_hub: {error}"]) from None


def _from_section(hub: EventHubSettings) -> SourceOptions:
    secret, proxy = hub.connection(), _proxy(hub)
    return SourceOptions(
        namespace=hub.namespace or "",
        hub=hub.hub or "",
        consumer_group=hub.consumer_group,
        connection_string=secret.get_secret_value() if secret is not None else None,
        start=hub.start,
        max_wait=hub.max_wait.total_seconds(),
        prefetch=hub.prefetch,
        max_batch=hub.max_batch,
        probe_every=hub.probe_every.total_seconds(),
        silent_after=hub.silent_after.total_seconds(),
        give_up_after=hub.give_up_after.total_seconds(),
        give_up_unreachable_after=hub.give_up_unreachable_after.total_seconds(),
        recycle_after_messages=hub.recycle_after_messages,
        recycle_every=hub.recycle_every.total_seconds(),
        transport=hub.transport,
        endpoint=hub.endpoint,
        ca_file=str(hub.ca_file) if hub.ca_file else None,
        proxy=proxy,
    )


def _proxy(hub: EventHubSettings) -> Proxy | None:
    if hub.proxy is None:
        return None
    host, _, port = hub.proxy.rpartition(":")
    password = ""
    if hub.proxy_password_file is not None:
        try:
            password = hub.proxy_password_file.read_text(encoding="utf-8-sig").strip()
        except OSError as error:
            place = hub.proxy_password_file
            line = f"event_hub.proxy_password_file: {place}: {error.strerror or error}"
            raise SettingsError([line]) from None
    return Proxy(host, int(port), hub.proxy_user or "", password)
