"""The container's entry point: `python -m microbiome <command>`. Exit codes: 0 done, 2 bad input, else retry."""

import sys

from microbiome.cli import run


def main() -> None:
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
