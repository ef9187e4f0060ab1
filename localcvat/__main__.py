"""The command `localcvat`, also `python -m localcvat`."""

import gc
import sys

SELDOM = 100_000
"""A command makes millions of values that go by themselves: a search for cycles costs a tenth."""


def main() -> None:
    """Run the command line; Ctrl-C while it is being loaded ends it as later on."""
    gc.set_threshold(SELDOM)
    try:
        from localcvat.cli.main import main as run_command_line

        run_command_line()
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    main()
