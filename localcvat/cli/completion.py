"""`localcvat completion`."""

from __future__ import annotations

import click

SHELLS = ("bash", "zsh", "fish")
SETUP = """Print the completion script of a shell.

\b
bash:  localcvat completion bash > ~/.local/share/bash-completion/completions/localcvat
zsh:   localcvat completion zsh > "${fpath[1]}/_localcvat"
fish:  localcvat completion fish > ~/.config/fish/completions/localcvat.fish
"""


@click.command(help=SETUP)
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    from click.shell_completion import get_completion_class

    found = get_completion_class(shell)
    if found is not None:
        root = context.find_root()
        made = found(root.command, {}, "localcvat", "_LOCALCVAT_COMPLETE")
        click.echo(made.source_template % made.source_vars())
