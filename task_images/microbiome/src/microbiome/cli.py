"""Parse the command line, run one command, tell how it ended."""

import argparse
from collections.abc import Sequence

from microbiome import __version__, stop
from microbiome.commands import analyze_batch, gather, prepare_reference, simulate, warm_up
from microbiome.commands import run as run_command
from microbiome.errors import BadInput
from microbiome.outcome import BAD_INPUT, Outcome, publish

COMMANDS = {
    "analyze-batch": analyze_batch,
    "gather": gather,
    "run": run_command,
    "prepare-reference": prepare_reference,
    "simulate": simulate,
    "warm-up": warm_up,
}
EPILOG = "exit codes: 0 done, 2 bad input (no retry), 143 stopped by SIGTERM, anything else: retry"


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="microbiome", description="16S amplicon analysis.", epilog=EPILOG)
    top.add_argument("--version", action="version", version=__version__)
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, module in COMMANDS.items():
        module.add_arguments(commands.add_parser(name, help=module.HELP, description=module.HELP, epilog=EPILOG))
    return top


def run(arguments: Sequence[str]) -> int:
    """The exit code. Bad input gives one line; anything unexpected keeps its traceback: a human will need it."""
    options = parser().parse_args(arguments)
    stop.on_sigterm()
    try:
        outcome = COMMANDS[options.command].execute(options)
    except BadInput as problem:
        outcome = Outcome(options.command, BAD_INPUT, str(problem))
    publish(outcome)
    print(outcome.message if outcome.exit_code == 0 else f"error: {outcome.message}", flush=True)
    return outcome.exit_code
