"""Which addresses may be called.

A hook request names its FHIR server, and a Bundle its next page: both come from outside, and a service that calls
whatever it is told to call can be turned against the network it stands in. So a URL is called only if its origin is on
the operator's list, and a name only if it leads to an address where such a server may live.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass

from cds_service.errors import OutboundRefused

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# One strict form, so that no two readers of a URL can disagree on its host: no user, no backslash, no percent or
# non-ASCII character before the path, and no dot segments, which could lead out of the server's base path.
_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])"
    r"(?::(?P<port>[0-9]{1,5}))?(?P<rest>[/?][!-\[\]-~]*)?"
)
_DOTS = re.compile(r"(?:^|/)(?:\.|%2e){1,2}(?:/|$)", re.IGNORECASE)
_DEFAULT_PORTS = {"http": 80, "https": 443}
_LOCAL_NAMES = ("localhost", "127.0.0.1", "[::1]")
_METADATA = frozenset(map(ipaddress.ip_address, ("169.254.169.254", "fd00:ec2::254", "100.100.100.200")))
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, host and port, made comparable: lower case, default ports written out."""

    scheme: str
    host: str
    port: int

    @classmethod
    def of(cls, url: str) -> Origin:
        """The origin of an absolute http or https URL.

        Raises:
            OutboundRefused: the text is no such URL, or one that readers could understand differently.
        """
        found = _URL.fullmatch(url)
        if found is None or "#" in url:
            raise OutboundRefused("the address is not a plain http or https URL")
        if _DOTS.search((found["rest"] or "").partition("?")[0]):
            raise OutboundRefused("the address has dot segments in its path")
        port = int(found["port"]) if found["port"] else _DEFAULT_PORTS[found["scheme"]]
        return cls(found["scheme"], found["host"].lower(), port)

    @property
    def is_local(self) -> bool:
        """Whether it is this machine, by name."""
        return self.host in _LOCAL_NAMES

    @property
    def address(self) -> Address | None:
        """The address, where the host is one and no name."""
        try:
            return ipaddress.ip_address(self.host.strip("[]"))
        except ValueError:
            return None


@dataclass(frozen=True, slots=True)
class AddressRules:
    """The operator's rules: the origins, whether plain http to this machine is fine, and private networks to allow."""

    origins: frozenset[Origin]
    allow_http_localhost: bool = False
    private_networks: tuple[Network, ...] = ()

    @classmethod
    def of(cls, origins: Iterable[str], *, allow_http_localhost: bool, private_networks: Iterable[str]) -> AddressRules:
        """The rules of the settings, which are checked already."""
        networks = tuple(ipaddress.ip_network(network) for network in private_networks)
        return cls(frozenset(map(Origin.of, origins)), allow_http_localhost, networks)

    def check_url(self, url: str) -> Origin:
        """The URL's origin, if it may be called.

        Raises:
            OutboundRefused: why it may not.
        """
        origin = Origin.of(url)
        if origin not in self.origins:
            raise OutboundRefused("the server is not one that this service may call (B12_FHIR_ORIGINS)")
        if origin.scheme == "http" and not (origin.is_local and self.allow_http_localhost):
            raise OutboundRefused("the server is not called over https")
        return origin

    def check_address(self, origin: Origin, address: Address) -> None:
        """Whether a connection to `origin` may go to `address`, which its name has just led to.

        Raises:
            OutboundRefused: the address is of a kind where no FHIR server lives, or of a network that is not allowed.
        """
        real = _unwrapped(address)
        if real in _METADATA or real.is_link_local or real.is_multicast or real.is_unspecified:
            raise OutboundRefused("the server's name leads to an address that is never called")
        if real.is_loopback:
            if not origin.is_local:
                raise OutboundRefused("the server's name leads to this machine itself")
            return
        listed_by_address = origin.address is not None and origin.address == address
        if not real.is_global and not listed_by_address and not self._allows_private(real):
            raise OutboundRefused("the server's name leads to a private network (B12_FHIR_PRIVATE_NETWORKS)")

    def _allows_private(self, address: Address) -> bool:
        return any(address.version == network.version and address in network for network in self.private_networks)


def _unwrapped(address: Address) -> Address:
    """The IPv4 address that an IPv6 address stands for, where it does: it is the one that is reached."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address.sixtofour is not None:
            return address.sixtofour
        if address.teredo is not None:
            return address.teredo[1]
        if address in _NAT64:
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address
