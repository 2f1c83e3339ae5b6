"""Fixup: residual networks without normalization."""

import keras

from tf_tricks.errors import RequestError
from tf_tricks.initializers.walk import is_sum, kernel_of
from tf_tricks.layers.scalars import ScalarBias, ScalarMultiplier
from tf_tricks.registry import card


@card("initializers", "fixup")
def fixup(model: keras.Model, seed: int | None = None) -> list[tuple[str, ...]]:
    """Re-initializes a residual network so that it trains without normalization.

    In a residual network x ← x + F(x) under a standard initialization the signal's power doubles with every branch, and
    one update changes the network's function the more, the deeper it is. Fixup, Zhang et al. 2019, arXiv:1901.09321,
    scales the branches so that an update of size η changes the function by about η at every depth. With L residual
    branches and m weight layers in a branch:

        W of the last layer of each branch = 0;  W of the classifier = 0
        W of the other m − 1 layers of a branch = L^(−1/(2m − 2)) · He's
        all other W = He's;  biases = 0;  scalar biases = 0;  scalar multipliers = 1

    The branches are found in the model's graph: wherever `keras.layers.Add` (or +) joins two paths that come from the
    same tensor, the one with more dense or convolutional layers is the branch, the other the shortcut, which may hold a
    projection. Call it on the model before training: `tf_tricks.initializers.fixup(model)`. The paper's third rule is
    part of the model: put a `ScalarBias` before each convolution, linear layer and activation, and a
    `ScalarMultiplier` at the end of each branch. The models `resnet` and `wide_resnet` do all of this themselves. At
    first only the classifier learns; then the last layers of the branches; then all. As nothing
    rescales the activations, the largest learning rate is smaller than with normalization; the scalars take a tenth.

    Use it when a deep residual network cannot have batch normalization: batches of one or two, or private training.

    Avoid it when the network normalizes (start the branches at 0 by γ = 0 instead), or has no skip connections (take
    `he_normal`).

    Config:
        config.model = dict(name="resnet", depth=20, normalization="fixup")
        config.optimizer = dict(
            name="learning_rate_multipliers", optimizer=dict(name="momentum"), multipliers={"scalar_": 0.1}
        )

    Args:
        model: a functional model, not nested, without normalization; its weights are replaced.
        seed: of He's initialization, an integer or None.

    Returns:
        the L branches, from the input on: for each a tuple of the names of its weight layers.

    Raises:
        RequestError: the model normalizes, is nested, has no residual branch, or one that cannot be told from its
            shortcut; the model is then as it was.

    Example:
        >>> def branch(x):
        ...     y = keras.layers.Dense(8, use_bias=False)(ScalarBias()(x))
        ...     y = keras.layers.Activation("relu")(ScalarBias()(y))
        ...     y = keras.layers.Dense(8, use_bias=False)(ScalarBias()(y))
        ...     return ScalarBias()(ScalarMultiplier()(y))
        >>> inputs = keras.Input((8,))
        >>> x = inputs
        >>> for _ in range(4):
        ...     x = keras.layers.Add()([x, branch(x)])
        >>> model = keras.Model(inputs, keras.layers.Dense(2)(x))
        >>> len(fixup(model))
        4
    """
    if not isinstance(model, keras.Model) or not hasattr(model, "outputs") or model.outputs is None:
        raise RequestError(f"fixup needs a functional model, in whose graph it finds the branches, not {model!r}")
    for layer in model.layers:
        kind = type(layer).__name__
        if isinstance(layer, keras.Model):
            raise RequestError(f"fixup needs a model without models inside it, and {layer.name!r} is one")
        if kind.endswith("Normalization") and not isinstance(layer, keras.layers.Normalization):
            raise RequestError(f"fixup is for networks without normalization, and {layer.name!r} is a {kind}")

    nodes = _nodes_in_order(model)
    branches = _branches(nodes)
    if not branches:
        raise RequestError(f"fixup found no residual branch in {model.name!r}: none that keras.layers.Add joins")
    in_branches = [id(layer) for branch in branches for layer in branch]
    if len(in_branches) > len(set(in_branches)):
        raise RequestError("fixup needs branches that share no layers and are not inside one another")

    # One generator for all layers: each draws other values.
    he_normal = keras.initializers.HeNormal(seed=keras.random.SeedGenerator(seed))
    for layer in model.layers:
        _set_layer(layer, he_normal)
    for branch in branches:
        for layer in branch[:-1]:
            kernel = kernel_of(layer)
            kernel.assign(kernel * len(branches) ** (-1 / (2 * len(branch) - 2)))
        _zero(kernel_of(branch[-1]))
    for layer in _classifiers(model):
        if id(layer) not in in_branches:
            _zero(kernel_of(layer))
    return [tuple(layer.name for layer in branch) for branch in branches]


def _set_layer(layer, initializer):
    if isinstance(layer, ScalarMultiplier):
        layer.multiplier.assign(1.0)
    elif isinstance(layer, ScalarBias):
        _zero(layer.bias)
    elif kernel_of(layer) is not None:
        kernel_of(layer).assign(initializer(kernel_of(layer).shape))
        if getattr(layer, "bias", None) is not None:
            _zero(layer.bias)


def _zero(variable):
    variable.assign(keras.ops.zeros(variable.shape, variable.dtype))


def _branches(nodes):
    """Returns the residual branches, in the order of computation: for each a list of its weight layers."""
    rank = {id(node): i for i, node in enumerate(nodes)}
    branches = []
    for node in nodes:
        if not is_sum(node):
            continue
        behind = [_ancestors(parent) for parent in _parents(node)]
        common = set.intersection(*behind)
        if not common:
            continue
        before = _ancestors(nodes[max(rank[i] for i in common)])
        paths = [[nodes[r] for r in sorted(rank[i] for i in path - before)] for path in behind]
        layers = [[n.operation for n in path if kernel_of(n.operation) is not None] for path in paths]
        fewest = min(map(len, layers))
        if fewest and [len(path) for path in layers].count(fewest) > 1:
            names = " and ".join(repr(path[-1].name) for path in layers)
            raise RequestError(
                f"which input of {node.operation.name!r} is the branch? Those that end in {names} are equal"
            )
        branches += [path for path in layers if len(path) > fewest]
    return branches


def _classifiers(model):
    """Returns the weight layers from which the model's outputs come with nothing but activations and such between."""
    found = []
    for tensor in model.outputs:
        node = _node_of(tensor)
        while kernel_of(node.operation) is None and len(_parents(node)) == 1:
            node = _parents(node)[0]
        if kernel_of(node.operation) is not None:
            found.append(node.operation)
    return found


def _nodes_in_order(model):
    """Returns the calls that the model consists of, each after those whose results it takes."""
    order, seen = [], set()
    stack = [(_node_of(tensor), False) for tensor in model.outputs]
    while stack:
        node, parents_done = stack.pop()
        if parents_done:
            order.append(node)
        elif id(node) not in seen:
            seen.add(id(node))
            stack.append((node, True))
            stack += [(parent, False) for parent in _parents(node)]
    return order


def _ancestors(node):
    """Returns the ids of a node and of all from which it is computed."""
    seen, stack = set(), [node]
    while stack:
        node = stack.pop()
        if id(node) not in seen:
            seen.add(id(node))
            stack += _parents(node)
    return seen


def _parents(node):
    return [_node_of(tensor) for tensor in node.input_tensors]


def _node_of(tensor):
    operation, node_index, _ = tensor._keras_history
    return operation._inbound_nodes[node_index]
