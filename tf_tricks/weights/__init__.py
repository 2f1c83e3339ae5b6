"""The weights of one model for another: read from files, paired layer by layer, and what does not fit is told."""

from tf_tricks.weights.layers import LayerWeights, assign, described, layers_of
from tf_tricks.weights.pairing import Pairing, in_order, pair
from tf_tricks.weights.stored import read

__all__ = ["LayerWeights", "Pairing", "assign", "described", "in_order", "layers_of", "pair", "read"]
