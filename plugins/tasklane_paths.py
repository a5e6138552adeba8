"""Puts the DAG folder on the path of every Airflow process. Deployed in plugins.zip.

Airflow 3 adds the DAG folder to the path of tasks and of the DAG processor, but not of the triggerer, and MWAA lets
nobody set PYTHONPATH (aws/amazon-mwaa-docker-images, setup_environment.py). Triggers of the DAG kit live in the DAG
folder, so that a new release of them needs no update of the environment. `core.lazy_load_plugins` must be False.
"""

import sys

from airflow.configuration import conf
from airflow.plugins_manager import AirflowPlugin

_DAG_FOLDER = conf.get_mandatory_value("core", "dags_folder")
if _DAG_FOLDER not in sys.path:
    sys.path.append(_DAG_FOLDER)


class TasklanePaths(AirflowPlugin):
    """Makes the module a plugin, which is what gets it imported."""

    name = "tasklane_paths"
