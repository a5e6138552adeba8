"""Clusters that somebody else runs and announces: DescribeCluster answers with their address and certificate.

ministack's CreateCluster would start k3s in a container. Its authenticator is used as it is: it checks the signature of
a GetCallerIdentity token and answers the API server's TokenReview with the groups of the caller's access entry.
"""

import secrets
from typing import Any

from ministack.core.responses import get_account_id, get_region, request_scope
from ministack.services import eks

from local.aws.journal import Journal

VERSION = "1.36"
Keys = list[dict[str, str]]


class Clusters:
    """`keys_of` an issuer are the public keys that its cluster signs service account tokens with."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._keys: dict[str, Keys] = {}
        self._authenticators: dict[str, str] = {}
        journal.register("cluster", lambda _, told: self._know(told), lambda _, __: True)

    def announce(self, told: dict[str, Any]) -> str:
        """Make the cluster known in its account and Region; the path of its authenticator (a TokenReview webhook).

        Announced again, it keeps that path: an API server is told of it before it starts. KeyError names a member
        that is missing.
        """
        told = {**told, "authenticator": self._authenticators.get(told["name"]) or secrets.token_urlsafe(24)}
        self._know(told)
        self._journal.write("cluster", told["name"], told)
        return f"/_ministack/eks-auth/{told['account']}/{told['region']}/{told['name']}/{told['authenticator']}"

    def keys_of(self, issuer: str) -> Keys | None:
        """None: no announced cluster has this issuer."""
        return self._keys.get(issuer)

    def _know(self, told: dict[str, Any]) -> None:
        with request_scope(told["account"], told["region"]):
            eks._clusters[told["name"]] = _record(told)
        self._keys[told["issuer"]] = told["keys"]
        self._authenticators[told["name"]] = told["authenticator"]


def _record(told: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": told["name"],
        "arn": f"arn:aws:eks:{get_region()}:{get_account_id()}:cluster/{told['name']}",
        "version": VERSION,
        "endpoint": told["endpoint"],
        "status": "ACTIVE",
        "certificateAuthority": {"data": told["certificate_authority"]},
        "identity": {"oidc": {"issuer": told["issuer"]}},
        "accessConfig": {"authenticationMode": "API"},
        "resourcesVpcConfig": {},
        "tags": {},
        "_auth_token": told["authenticator"],
    }
