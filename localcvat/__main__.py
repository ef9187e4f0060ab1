"""`python -m localcvat`."""

from localcvat.cli.main import main

main()
