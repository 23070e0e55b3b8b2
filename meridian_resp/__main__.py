"""The `meridian` command: from the command line to a running server."""

from __future__ import annotations

import sys

from meridian_resp.config.command_line import Action, parse_command_line
from meridian_resp.config.errors import StartError
from meridian_resp.config.help_text import help_text, version_text
from meridian_resp.config.loading import load_command_line

EXIT_WRONG_OPTIONS = 2


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit code; 2 when the options are wrong.

    `arguments` are those after the program's name; those of the process when None.
    """
    try:
        command_line = parse_command_line(sys.argv[1:] if arguments is None else arguments)
        if command_line.action is Action.HELP:
            sys.stdout.write(help_text())
            return 0
        if command_line.action is Action.VERSION:
            sys.stdout.write(version_text())
            return 0
        settings = load_command_line(command_line)
    except StartError as error:
        lines = [f"meridian: {problem}\n" for problem in error.problems]
        sys.stderr.write("".join(lines) + "Try meridian --help.\n")
        return EXIT_WRONG_OPTIONS
    # Everything else is imported only now: --help and mistakes are answered at once.
    from meridian_resp.app import main as serve

    return serve(settings)


if __name__ == "__main__":
    sys.exit(main())
