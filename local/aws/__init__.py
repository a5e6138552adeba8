"""A local AWS: ministack on loopback, with what it lacks for our stacks added in small modules.

Run it with `python -m local.aws` in the emulator's virtual environment. Nothing outside `local` imports this package.
"""
