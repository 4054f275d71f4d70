from datetime import UTC, datetime

import pytest

from service.core.ports import SourceError
from service.source.options import SourceOptions

KEY = "c2VjcmV0LW9mLXRoZS1odWI="
OF_A_HUB = (
    f"Endpoint=sb://acme.servicebus.windows.net/;SharedAccessKeyName=listen;SharedAccessKey={KEY};EntityPath=logs"
)
OF_A_NAMESPACE = OF_A_HUB.removesuffix(";EntityPath=logs")


def test_host_and_hub_are_read_from_the_connection_string() -> None:
    options = SourceOptions(connection_string=OF_A_HUB)
    assert (options.host, options.hub_name) == ("acme.servicebus.windows.net", "logs")


def test_a_hub_given_by_name_goes_before_the_entity_path() -> None:
    assert SourceOptions(connection_string=OF_A_HUB, hub="other").hub_name == "other"


def test_an_identity_needs_namespace_and_hub() -> None:
    options = SourceOptions(namespace="acme.servicebus.windows.net", hub="logs")
    assert (options.host, options.hub_name) == ("acme.servicebus.windows.net", "logs")
    with pytest.raises(SourceError, match="both a namespace"):
        SourceOptions(hub="logs")


def test_a_connection_string_of_a_whole_namespace_needs_the_hubs_name() -> None:
    assert SourceOptions(connection_string=OF_A_NAMESPACE, hub="logs").hub_name == "logs"
    with pytest.raises(SourceError, match="names no Event Hub"):
        SourceOptions(connection_string=OF_A_NAMESPACE)


@pytest.mark.parametrize(
    "text",
    [
        KEY,
        "",
        f"Endpoint=sb://acme.servicebus.windows.net/;SharedAccessKey={KEY};EntityPath=logs",
        f"SharedAccessKeyName=listen;SharedAccessKey={KEY};EntityPath=logs",
        f"Endpoint=;SharedAccessKeyName=listen;SharedAccessKey={KEY};EntityPath=logs",
    ],
)
def test_a_connection_string_that_cannot_be_read_is_refused_without_being_quoted(text: str) -> None:
    with pytest.raises(SourceError, match="cannot be read") as caught:
        SourceOptions(connection_string=text)
    assert KEY not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_silence_must_last_longer_than_an_idle_partition_is_quiet() -> None:
    with pytest.raises(SourceError, match="at least twice"):
        SourceOptions(connection_string=OF_A_HUB, max_wait=40.0, silent_after=60.0)


def test_the_key_is_not_in_the_repr() -> None:
    options = SourceOptions(connection_string=OF_A_HUB, start=datetime(2026, 11, 2, tzinfo=UTC))
    assert KEY not in repr(options)
    assert KEY not in str(options)
