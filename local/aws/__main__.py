"""Start the local AWS: `python -m local.aws --port P --state DIR [--images FILE] [--audit FILE]`."""

import os
import sys

from local.aws import options, settings, sockets


def main() -> int:
    """Run until SIGTERM or SIGINT. Exit codes: 0 stopped, 2 wrong arguments, port taken, no place for state."""
    os.umask(0o077)  # what it keeps of Secrets Manager and IAM is for its owner alone
    given = options.parse()
    try:
        listening = sockets.listen(given.port)
    except sockets.PortTakenError as error:
        print(f"local.aws: {error}", file=sys.stderr)
        return 2
    try:
        settings.prepare(given)
    except OSError as error:
        print(f"local.aws: --state {given.state}: {error.strerror}; give a folder that can be written", file=sys.stderr)
        return 2
    from local.aws import server  # imports ministack, which reads the settings at import

    return server.run(given, listening)


if __name__ == "__main__":
    sys.exit(main())
