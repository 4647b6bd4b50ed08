"""The parts of models that are put together from published ones: sizes by name, memory from meta tensors."""

import torch
from diffusers.models.autoencoders.autoencoder_kl_wan import AutoencoderKLWan

from pandora.budget.peak import bytes_of, peak_bytes
from pandora.budget.plan import Parts, Workload
from pandora.pretrained.autoencoder import AUTOENCODERS, WanAutoencoder
from pandora.pretrained.published import published_video
from pandora.pretrained.published_backbones import published_backbone
from pandora.pretrained.tiny_decoder import TINY_DECODERS, TinyDecoder

_TEXT_ENCODER = 5_680_910_336  # parameters of UMT5-XXL's encoder
_ADAPTER = 105_137_664  # of BLIP-2's Q-Former, the adapter's class at its published size


def published_parts(
    video: str, backbone: str | None, workload: Workload, *, text_encoder: bool = True, tiny: bool = True
) -> Parts:
    """The parts of a model that is put together from published ones, by their names in `pandora.pretrained`.

    With `tiny` worlds are shown by the tiny decoder, and the full autoencoder encodes and exports. Raises UnknownName.
    """
    found, language = published_video(video), None if backbone is None else published_backbone(backbone)
    whole = AUTOENCODERS[found.autoencoder]
    channels = whole.shape["z_dim"]
    small = next(each for each in TINY_DECODERS.values() if each.config.latent_channels == channels)
    with torch.device("meta"):
        statistics = {"latents_mean": [0.0] * channels, "latents_std": [1.0] * channels}
        full = WanAutoencoder(AutoencoderKLWan(**whole.shape, **statistics))
        decoder = TinyDecoder(small.config) if tiny else full
    decoder_memory, decoding = _decoding(decoder.bfloat16(), channels, workload, full.spatial)
    picture = torch.empty(1, 3, 1, *_whole(workload, full.spatial), device="meta")
    return Parts(
        video=found.transformer,
        video_parameters=found.parameters,
        spatial=full.spatial,
        language=None if language is None else language.config().to_dict(),
        language_parameters=0 if language is None else language.parameters,
        text_encoder_parameters=_TEXT_ENCODER if text_encoder else 0,
        adapter_parameters=0 if language is None else _ADAPTER,
        autoencoder_parameters=whole.parameters + (small.parameters if tiny else 0),
        decoder_memory=decoder_memory,
        decoding=decoding,
        encoding=peak_bytes(lambda: full.bfloat16().encode(picture)),
    )


def _decoding(
    decoder: TinyDecoder | WanAutoencoder, channels: int, workload: Workload, spatial: int
) -> tuple[int, int]:
    """Bytes that a decoder of meta tensors carries for one world that has begun, and those of a step besides."""
    rows, columns = (size // spatial for size in _whole(workload, spatial))
    latents = torch.empty(1, channels, 1, rows, columns, device="meta")
    with torch.no_grad():
        _, memory = decoder.decode_step(latents, decoder.begin_memory(1, rows, columns))
    carried = bytes_of(memory)
    return carried, peak_bytes(lambda: decoder.decode_step(latents, memory)) - carried  # the new memory is counted


def _whole(workload: Workload, spatial: int) -> tuple[int, int]:
    """Height and width in whole latent cells."""
    return workload.height // spatial * spatial, workload.width // spatial * spatial
