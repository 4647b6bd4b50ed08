"""Published checkpoints in our modules: what they are, how their tensors are named, and how they are read.

name or folder -> config.json (published.py) + *.safetensors (files.py) -> key map (layouts.py) -> our module
"""
