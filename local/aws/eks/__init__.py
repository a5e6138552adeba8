"""Amazon EKS: clusters that run outside the emulator, and the tokens that they give to their service accounts."""

from local.aws.eks import web_identity
from local.aws.eks.clusters import Clusters
from local.aws.journal import Journal


def install(journal: Journal) -> Clusters:
    """Judge the tokens of announced clusters; returns where clusters are announced."""
    clusters = Clusters(journal)
    web_identity.install(clusters)
    return clusters
