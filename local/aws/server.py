"""Serve ministack and our own routes on the one socket until a signal asks us to stop."""

import asyncio
import resource
import signal
import socket

from hypercorn.asyncio import serve
from hypercorn.config import Config

from local.aws import extensions
from local.aws.gateway import Gateway
from local.aws.options import Options


def run(options: Options, listening: socket.socket) -> int:
    """Serve until SIGTERM or SIGINT, then stop every task and save the state. Returns the exit code."""
    _raise_open_file_limit()
    platform = extensions.install(options)
    try:
        asyncio.run(_serve(Gateway(platform), listening))
    finally:
        platform.close()
    return 0


async def _serve(gateway: Gateway, listening: socket.socket) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    config = Config()
    config.bind = [f"fd://{listening.fileno()}"]
    config.keep_alive_timeout = 75
    config.graceful_timeout = 1  # idle keep-alive connections are cut off after this many seconds
    config.accesslog = None
    config.errorlog = None

    async def stopping() -> None:
        await stop.wait()
        # Tasks are stopped while the services still answer: a task that reacts to SIGTERM may upload its last result.
        await asyncio.to_thread(gateway.platform.stop_tasks)

    await serve(gateway, config, shutdown_trigger=stopping)


def _raise_open_file_limit() -> None:
    """Each running task holds a pipe and a process handle: use all file descriptors the system allows."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
