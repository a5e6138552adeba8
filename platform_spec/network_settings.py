"""The [network] table of an environment: how private subnets reach AWS."""

from __future__ import annotations

import ipaddress
from typing import Literal

from pydantic import Field, field_validator, model_validator

from platform_spec.loading import Finding, Spec, refuse

_PRIVATE_RANGES = tuple(
    ipaddress.IPv4Network(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")
)


class NetworkSettings(Spec):
    """`endpoints`: no way to the internet, one interface endpoint per AWS service. `nat`: out through NAT gateways."""

    mode: Literal["endpoints", "nat"] = "endpoints"
    cidr: str = Field(description="a private IPv4 network from /16 to /22", examples=['"10.20.0.0/16"'])
    nat_gateways: int = Field(default=0, ge=0, le=3, description="1 to the number of zones with mode nat, else 0")

    @field_validator("cidr")
    @classmethod
    def _is_a_private_network(cls, cidr: str) -> str:
        allowed = "a network from /16 to /22 in 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 or 100.64.0.0/10"
        try:
            network = ipaddress.IPv4Network(cidr)
        except ValueError as error:
            fix = 'write it as "10.20.0.0/16"'
            if "host bits" in str(error):
                fix = f'use "{ipaddress.IPv4Network(cidr, strict=False)}"'
            refuse([Finding("", cidr, f"not an IPv4 network ({error})", allowed, fix)])
            raise
        if not 16 <= network.prefixlen <= 22:
            prefix = min(max(network.prefixlen, 16), 22)
            fix = f'use "{network.network_address}/{prefix}"'
            refuse([Finding("", cidr, "too large or too small for one environment", allowed, fix)])
        if not any(network.subnet_of(private) for private in _PRIVATE_RANGES):
            refuse([Finding("", cidr, "not a private network", allowed, 'use for example "10.20.0.0/16"')])
        return cidr

    @model_validator(mode="after")
    def _gateways_match_the_mode(self) -> NetworkSettings:
        if self.mode == "nat" and self.nat_gateways == 0:
            fix = "set nat_gateways = 1, or mode = endpoints"
            refuse([Finding("nat_gateways", 0, "mode nat needs a gateway", "1 to the number of zones", fix)])
        if self.mode == "endpoints" and self.nat_gateways:
            fix = "remove nat_gateways, or set mode = nat"
            refuse([Finding("nat_gateways", self.nat_gateways, "mode endpoints has no gateway", "0", fix)])
        return self
