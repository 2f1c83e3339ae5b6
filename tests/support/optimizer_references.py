"""The papers' updates in NumPy, float64, one tensor at a time: w ← update(w, g, η, t, s), s a dict of state."""

import numpy as np


def momentum(w, g, rate, t, s, mu=0.9, nesterov=False):
    """Goyal et al., remark 2: the velocity is rescaled when the rate changes."""
    previous = s.get("rate", rate)
    s["v"] = mu * (rate / previous) * s.get("v", 0 * w) - rate * g
    s["rate"] = rate
    return w + (mu * s["v"] - rate * g if nesterov else s["v"])


def lars(w, g, rate, t, s, mu=0.9, trust=0.001, decay=0.0, adapt=True, nesterov=False):
    norm, slope = np.linalg.norm(w), np.linalg.norm(g)
    r = trust * norm / (slope + decay * norm) if adapt and norm > 0 and slope > 0 else 1.0
    step = rate * r * (g + decay * w)
    s["v"] = mu * s.get("v", 0 * w) + step
    return w - (mu * s["v"] + step if nesterov else s["v"])


def _moments(g, t, s, beta_1, beta_2):
    s["m"] = beta_1 * s.get("m", 0 * g) + (1 - beta_1) * g
    s["v"] = beta_2 * s.get("v", 0 * g) + (1 - beta_2) * g**2
    return s["m"] / (1 - beta_1**t), s["v"] / (1 - beta_2**t)


def lamb(w, g, rate, t, s, beta_1=0.9, beta_2=0.999, epsilon=1e-6, decay=0.0, adapt=True):
    m, v = _moments(g, t, s, beta_1, beta_2)
    r = m / (np.sqrt(v) + epsilon) + decay * w
    norm, step = np.linalg.norm(w), np.linalg.norm(r)
    return w - rate * (norm / step if adapt and norm > 0 and step > 0 else 1.0) * r


def radam(w, g, rate, t, s, beta_1=0.9, beta_2=0.999, epsilon=1e-8):
    m, v = _moments(g, t, s, beta_1, beta_2)
    longest = 2 / (1 - beta_2) - 1
    length = longest - 2 * t * beta_2**t / (1 - beta_2**t)
    if length <= 4:
        return w - rate * m
    r = np.sqrt((length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length))
    return w - rate * r * m / (np.sqrt(v) + epsilon)


def schedule_free_adam_w(w, g, rate, t, s, beta_1=0.9, beta_2=0.999, epsilon=1e-8, decay=0.0):
    x, z = s.get("x", w), s.get("z", w)
    s["v"] = beta_2 * s.get("v", 0 * w) + (1 - beta_2) * g**2
    step = rate * np.sqrt(1 - beta_2**t)
    z = z - step * g / (np.sqrt(s["v"]) + epsilon) - step * decay * w
    s["weights"] = s.get("weights", 0.0) + step**2
    c = step**2 / s["weights"]
    s["x"], s["z"] = (1 - c) * x + c * z, z
    return (1 - beta_1) * z + beta_1 * s["x"]


def sgd(w, g, rate, t, s, mu=0.0):
    s["v"] = mu * s.get("v", 0 * w) - rate * g
    return w + s["v"]


def adagrad(w, g, rate, t, s, start=0.1, epsilon=1e-7):
    s["r"] = s.get("r", start + 0 * w) + g**2
    return w - rate * g / np.sqrt(s["r"] + epsilon)


def rmsprop(w, g, rate, t, s, rho=0.9, epsilon=1e-7):
    s["r"] = rho * s.get("r", 0 * w) + (1 - rho) * g**2
    return w - rate * g / np.sqrt(s["r"] + epsilon)


def adam(w, g, rate, t, s, beta_1=0.9, beta_2=0.999, epsilon=1e-7, decay=0.0, amsgrad=False):
    """ε stands beside √v and not beside √v̂: the efficient form of the paper's section 2."""
    w = w - rate * decay * w
    _moments(g, t, s, beta_1, beta_2)
    s["largest"] = np.maximum(s.get("largest", 0 * w), s["v"])
    v = s["largest"] if amsgrad else s["v"]
    return w - rate * np.sqrt(1 - beta_2**t) / (1 - beta_1**t) * s["m"] / (np.sqrt(v) + epsilon)


def lion(w, g, rate, t, s, beta_1=0.9, beta_2=0.99):
    m = s.get("m", 0 * w)
    s["m"] = beta_2 * m + (1 - beta_2) * g
    return w - rate * np.sign(beta_1 * m + (1 - beta_1) * g)


def lookahead(w, g, rate, t, s, k=5, alpha=0.5):
    slow = s.get("slow", w)
    fast = sgd(w, g, rate, t, s, mu=0.9)
    if t % k == 0:
        slow = fast = slow + alpha * (fast - slow)
    s["slow"] = slow
    return fast


def l2_sp(w, g, rate, t, s, alpha=0.5):
    """Li et al. 2018: the gradient of α/2 |w − w₀|² is added."""
    start = s.setdefault("start", w)
    return sgd(w, g + alpha * (w - start), rate, t, s, mu=0.9)


def l2_of_new(w, g, rate, t, s, beta=0.5):
    """The same paper: that of β/2 |w|², where there is no start."""
    return sgd(w, g + beta * w, rate, t, s, mu=0.9)


def clipped(w, g, rate, t, s, factor=0.05, epsilon=1e-3):
    """NFNets: each output unit's gradient is bounded by its weights."""
    axes = tuple(range(w.ndim - 1)) if w.ndim > 1 else None
    bound = factor * np.maximum(np.sqrt(np.sum(w**2, axis=axes, keepdims=True)), epsilon)
    size = np.sqrt(np.sum(g**2, axis=axes, keepdims=True))
    return sgd(w, g * np.where(size > bound, bound / size, 1.0), rate, t, s, mu=0.9)
