"""The video side: a causal autoencoder, a causal transformer with a cache, and the flow that ties them to time."""

from pandora.video.autoencoder import Autoencoder, AutoencoderConfig, load_autoencoder, save_autoencoder
from pandora.video.cache import RollingCache
from pandora.video.flow import VideoConfig, VideoModel
from pandora.video.transformer import CausalVideoTransformer, TransformerConfig

__all__ = [
    "Autoencoder",
    "AutoencoderConfig",
    "CausalVideoTransformer",
    "RollingCache",
    "TransformerConfig",
    "VideoConfig",
    "VideoModel",
    "load_autoencoder",
    "save_autoencoder",
]
