"""Which addresses may be connected to, so that a webhook's host name cannot lead a request into a private network."""

import ipaddress
from typing import NamedTuple

# Special blocks by IANA's registries, beyond those that every version of Python knows; and Azure's platform address
# (DHCP, DNS, health, the host's agent), public by number, private by nature.
_SPECIAL = [
    ipaddress.ip_network(block)
    for block in ("192.0.0.0/24", "168.63.129.16/32", "2001::/23", "2001:db8::/32", "3fff::/20")
]
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")  # all that IANA hands out; RFC 4291, section 2.4
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class AddressRefusedError(OSError):
    """The host resolved to an address that this sink may not connect to."""


class Guard(NamedTuple):
    """Which addresses may be connected to; asked for each socket, so that changing a DNS record does not get around it.

    Attributes
    ----------
    allow_private
        Addresses that are not globally routable, too.
    allow_loopback
        This machine, too.
    """

    allow_private: bool = True
    allow_loopback: bool = True

    def permits(self, address: str) -> bool:
        """Whether a socket to `address` may be opened.

        >>> Guard(allow_private=False, allow_loopback=False).permits("::ffff:169.254.169.254")
        False
        """
        ip = _innermost(ipaddress.ip_address(address.partition("%")[0]))
        if ip.is_loopback:
            return self.allow_loopback or self.allow_private
        return self.allow_private or _is_of_the_internet(ip)


def _is_of_the_internet(ip: Address) -> bool:
    # In IPv6 what is not known to be global is refused: some of it carries IPv4 addresses, and nobody knows where to.
    if isinstance(ip, ipaddress.IPv6Address) and ip not in _GLOBAL_UNICAST:
        return False
    return ip.is_global and not ip.is_multicast and not any(ip in block for block in _SPECIAL)


def _innermost(ip: Address) -> Address:
    # An IPv4 address can travel inside an IPv6 one; what counts is where the packet ends up.
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour
        if inner is None and ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        return inner or ip
    return ip
