"""`python -m eyebright`."""

from eyebright.cli import main

main()
