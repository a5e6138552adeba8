"""Ends what the emulator left running when it could not do so itself (kill -9, crash).

A small process of its own: it reads a pipe whose other end only the emulator holds. The pipe's end means that the
emulator is gone; then every process that carries this emulator's mark in its environment is killed, and the containers
with its label are removed. Being killed by a signal to the emulator's terminal is avoided by a session of its own.
Run as `python -m local.aws.reaper MARK`; lines on standard input name container engines in use.
"""

import signal
import sys

from local.aws.leftovers import kill_marked, remove_containers


def main() -> int:
    """Wait for the pipe's end, then clean up."""
    mark = sys.argv[1]
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    engines = {line.strip() for line in sys.stdin}
    left = kill_marked(mark)
    for engine in engines:
        remove_containers(engine, mark)
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
