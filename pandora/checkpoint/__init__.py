"""Weights on disk: a folder of config.json, safetensors and a manifest of their hashes. Strict, and never pickle."""

from pandora.checkpoint.compact import Bits
from pandora.checkpoint.folder import fill, fingerprint_for, load, read, read_sizes, save
from pandora.checkpoint.manifest import experts, fingerprint, joint_fingerprint, verify, write_manifest

__all__ = [
    "Bits", "experts", "fill", "fingerprint", "fingerprint_for", "joint_fingerprint", "load", "read", "read_sizes",
    "save", "verify", "write_manifest",
]  # fmt: skip
