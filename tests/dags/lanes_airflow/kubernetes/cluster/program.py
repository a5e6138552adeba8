"""What the test image runs in pods: what it runs on an engine (docker/program.py), and lines by the thousand."""

import sys
import time

import engine_program


def main(what: str, *rest: str) -> int:
    if what == "lines":
        for number in range(int(rest[0])):
            print(f"line {number}")
        return 0
    if what == "clock":
        print(f"clock {time.time()}")
        return 0
    return engine_program.main(what, *rest)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
