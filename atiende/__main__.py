"""`python -m atiende`: the command line where no script is installed."""

from atiende.cli import main

main()
