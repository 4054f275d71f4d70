"""Opens a connection for whoever talks something else than HTTP, in a thread that may block, to permitted addresses."""

import socket
import ssl
from collections.abc import Callable
from pathlib import Path

from service.sinks.posting.guard import AddressRefusedError, Guard
from service.sinks.posting.receiver import tls_context


def open_socket(
    host: str,
    port: int,
    guard: Guard,
    *,
    seconds: float,
    holds: Callable[[socket.socket], None],
    context: ssl.SSLContext | None = None,
    kind: socket.SocketKind = socket.SOCK_STREAM,
) -> socket.socket:
    """Return a socket that is connected to the first address of `host` that answers.

    Parameters
    ----------
    guard
        Which addresses may be connected to.
    seconds
        Longest silence of the other end, now and later.
    holds
        Told of each socket before it is waited for, so that somebody else can end the waiting.
    context
        What encrypts it from the first byte.

    Raises
    ------
    OSError
        None answers; `AddressRefusedError` if the last one tried may not be connected to.
    """
    failure: OSError = ConnectionError("no address")
    try:
        found = socket.getaddrinfo(host, port, type=kind)
    except UnicodeError as error:  # a label of a name is empty, or too long
        raise socket.gaierror(socket.EAI_NONAME, "this is no name of a host") from error
    for family, type_, protocol, _, address in found:
        if not guard.permits(str(address[0])):
            failure = AddressRefusedError("address refused")
            continue
        connection = socket.socket(family, type_, protocol)
        try:
            connection.settimeout(seconds)
            holds(connection)
            connection.connect(address)
            if context is not None:
                connection = context.wrap_socket(connection, server_hostname=host, do_handshake_on_connect=False)
                holds(connection)  # before the greeting: the other end may never answer it
                connection.do_handshake()
        except OSError as error:
            connection.close()
            failure = error
        else:
            return connection
    raise failure


def verifying_context(ca_file: Path | None) -> ssl.SSLContext:
    """Return what verifies the other end by the public authorities and, if given, those in a file of PEM.

    Raises
    ------
    OSError
        If the file cannot be read; `ssl.SSLError` if it holds no certificate.
    """
    context = tls_context(ca_file)
    return ssl.create_default_context() if isinstance(context, bool) else context
