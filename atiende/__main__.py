"""`python -m atiende`: the same command, for processes that start each other."""

from atiende.cli import main

main()
