"""The table of parameters counts what is there."""

import keras

from tf_tricks.training.parameter_table import parameter_table


def dense_model(depth):
    layers = [keras.layers.Dense(4, name=f"hidden{i}") for i in range(depth)]
    return keras.Sequential([keras.Input((3,)), *layers, keras.layers.Dropout(0.1, name="without_weights")])


def test_table_has_a_row_for_each_layer_with_weights():
    rows = parameter_table(dense_model(2)).splitlines()
    assert [row.split() for row in rows] == [
        ["layer", "type", "output", "parameters"],
        ["hidden0", "Dense", "(4,)", "16"],
        ["hidden1", "Dense", "(4,)", "20"],
        ["36", "parameters,", "36", "of", "them", "trained"],
    ]


def test_table_counts_trained_parameters():
    model = dense_model(2)
    model.layers[0].trainable = False
    assert parameter_table(model).endswith("36 parameters, 20 of them trained")


def test_a_long_table_leaves_out_the_middle():
    rows = parameter_table(dense_model(7), most_rows=4).splitlines()
    assert [row.split()[0] for row in rows[1:-1]] == ["hidden0", "hidden1", "…", "hidden5", "hidden6"]
    assert rows[3] == "… 3 more layers"
