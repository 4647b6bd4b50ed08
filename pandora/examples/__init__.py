"""Worked examples, each a script to read from top to bottom and to run with `python -m`."""
