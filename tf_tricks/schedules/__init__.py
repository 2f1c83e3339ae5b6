"""Schedules: learning rate, batch size and noise scale as functions of progress in epochs, by name or as objects."""

from tf_tricks import registry
from tf_tricks.schedules import plan
from tf_tricks.schedules.base import Schedule, constant, get, schedule
from tf_tricks.schedules.batch import grow, per_replica
from tf_tricks.schedules.compose import concatenate, warm_up
from tf_tricks.schedules.cycles import one_cycle, warm_up_stable_decay
from tf_tricks.schedules.decay import (
    cosine_decay,
    cosine_restarts,
    exponential_decay,
    inverse_time_decay,
    polynomial_decay,
    step_decay,
)
from tf_tricks.schedules.noise_scale import batch_size_for_noise_scale, learning_rate_for_noise_scale, noise_scale_of
from tf_tricks.schedules.noise_scale_by import (
    get_noise_scale,
    noise_scale_by_decay,
    noise_scale_by_growth,
    noise_scale_by_growth_then_decay,
)
from tf_tricks.schedules.plan import count_updates
from tf_tricks.schedules.scaling import linear_scaling, square_root_scaling

registry.discover(__name__)

TRICKS = registry.tricks("schedules")
"""Every schedule by name."""

__all__ = [
    "TRICKS",
    "Schedule",
    "batch_size_for_noise_scale",
    "concatenate",
    "constant",
    "cosine_decay",
    "cosine_restarts",
    "count_updates",
    "exponential_decay",
    "get",
    "get_noise_scale",
    "grow",
    "inverse_time_decay",
    "learning_rate_for_noise_scale",
    "linear_scaling",
    "noise_scale_by_decay",
    "noise_scale_by_growth",
    "noise_scale_by_growth_then_decay",
    "noise_scale_of",
    "one_cycle",
    "per_replica",
    "plan",
    "polynomial_decay",
    "schedule",
    "square_root_scaling",
    "step_decay",
    "warm_up",
    "warm_up_stable_decay",
]
