"""The backbone: a decoder LLM with eyes that reads the world so far and the new action at learned query positions."""

from pandora.backbone.backbone import Backbone, BackboneConfig
from pandora.backbone.speech import Said, Speaker
from pandora.backbone.tokenizer import ActionTokenizer

__all__ = ["ActionTokenizer", "Backbone", "BackboneConfig", "Said", "Speaker"]
