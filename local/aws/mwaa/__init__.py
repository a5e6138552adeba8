"""Amazon MWAA: environments with every member, and runtime calls in front of the Airflow that runs on this machine."""

from ministack.services import mwaa

from local.aws.mwaa import environments
from local.aws.mwaa.rest_api import Airflows, RestApi


def install() -> Airflows:
    """Take the place of ministack's InvokeRestApi (looked up at each call); returns where Airflows are announced."""
    environments.install()
    airflows = Airflows()
    mwaa._invoke_rest_api = RestApi(airflows).handle  # type: ignore[assignment]
    return airflows
