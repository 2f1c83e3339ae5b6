"""What is known of Keras's activations by their names."""

RELU_LIKE = ("relu", "relu6", "leaky_relu", "elu", "gelu", "silu", "swish", "mish", "hard_silu", "hard_swish")
"""Those that let about half of the signal's power through, so that weights want a variance of 2/n_in."""
