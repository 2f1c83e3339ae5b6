"""The engine that trains by `tf.distribute`."""
