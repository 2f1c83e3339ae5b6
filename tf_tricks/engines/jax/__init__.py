"""The engine that trains by `jax.jit` over a mesh of devices."""
