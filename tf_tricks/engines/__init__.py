"""The compiled updates, on TensorFlow and on JAX; what runs them, the host side, is `training`."""
