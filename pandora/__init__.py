"""Pandora: a general world model with free-text actions and video states."""

__version__ = "0.1.0"
