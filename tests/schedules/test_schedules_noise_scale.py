import pytest
from hypothesis import given
from hypothesis import strategies as st

from tf_tricks import schedules
from tf_tricks.errors import RequestError

N = 50_000
MOMENTUM = 0.9
SCALES = {
    "constant": 389.0,
    "steps": schedules.step_decay(389.0, epochs=(60, 120, 160), factor=0.2),
    "cosine": schedules.cosine_decay(389.0, total_epochs=200, final=1e-3),
    "exponential": schedules.exponential_decay(389.0, decay_rate=0.9),
}
WAYS = {
    "decay": {"batch_size": 128},
    "growth": {"learning_rate": 0.1},
    "growth_of_multiples": {"by": "growth", "learning_rate": 0.1, "multiple_of": 96},
    "growth_then_decay": {"learning_rate": 0.1, "maximum": 5120},
    "limited_multiples": {
        "by": "growth_then_decay",
        "learning_rate": 0.1,
        "maximum": 5000,
        "multiple_of": 96,
    },
}


def pair(way, scale, **more):
    config = {"by": way, "scale": scale, "momentum": MOMENTUM, "num_examples": N} | WAYS[way] | more
    return schedules.get_noise_scale(config)


def noise(rate, size, epoch, momentum=MOMENTUM, num_examples=N):
    return schedules.noise_scale_of(rate(epoch), size(epoch), num_examples, momentum)


@pytest.mark.parametrize(
    ("rate", "size", "num_examples", "momentum", "expected"),
    [(0.1, 100, 50_000, 0.0, 49.9), (0.1, 100, 50_000, 0.9, 499.0), (0.5, 25, 100, 0.5, 3.0), (0.1, 64, 64, 0.9, 0.0)],
)
def test_noise_scale_is_that_of_smith_and_le(rate, size, num_examples, momentum, expected):
    assert schedules.noise_scale_of(rate, size, num_examples, momentum) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("scale", SCALES)
@given(epoch=st.floats(0, 250))
def test_twins_have_the_noise_scale_that_was_asked_for(way, scale, epoch):
    rate, size = pair(way, SCALES[scale])
    assert noise(rate, size, epoch) == pytest.approx(schedules.get(SCALES[scale])(epoch), rel=1e-12, abs=0)


@given(
    scale=st.floats(1e-6, 1e6),
    learning_rate=st.floats(1e-6, 10),
    momentum=st.floats(0, 0.999),
    num_examples=st.integers(2, 10**7),
    data=st.data(),
)
def test_growth_meets_any_noise_scale_with_a_batch_in_its_limits(scale, learning_rate, momentum, num_examples, data):
    maximum = data.draw(st.integers(1, num_examples))
    multiple = data.draw(st.integers(1, min(maximum, num_examples - 1)))
    rate, size = schedules.noise_scale_by_growth_then_decay(
        scale, learning_rate, maximum, num_examples, momentum, multiple
    )
    batch = size(0.0)
    assert (batch % multiple, multiple <= batch <= maximum) == (0, True)
    assert noise(rate, size, 0.0, momentum, num_examples) == pytest.approx(scale, rel=1e-12, abs=0)


@given(epoch=st.floats(0, 250))
def test_by_decay_the_batch_stays(epoch):
    assert pair("decay", SCALES["cosine"])[1](epoch) == 128


@given(epoch=st.floats(0, 59.9))
def test_by_growth_the_rate_only_makes_up_for_rounding(epoch):
    rate, size = pair("growth", SCALES["cosine"])
    assert rate(epoch) == pytest.approx(0.1, rel=0.51 / size(epoch) * N / (N - size(epoch)))


def test_growth_then_decay_grows_first_and_decays_then():
    rate, size = pair("growth_then_decay", SCALES["steps"])
    assert [size(epoch) for epoch in (0.0, 60.0, 120.0, 160.0)] == [128, 635, 3019, 5120]
    assert [rate(epoch) for epoch in (0.0, 60.0, 120.0)] == pytest.approx([0.1] * 3, rel=1e-2)
    assert rate(160.0) == pytest.approx(389.0 * 0.2**3 * 0.1 / (N / 5120 - 1), rel=1e-12)


def test_growth_then_decay_is_growth_below_the_limit():
    _, growth = pair("growth", SCALES["steps"])
    _, limited = pair("growth_then_decay", SCALES["steps"])
    assert [limited(epoch) for epoch in (0.0, 60.0, 120.0)] == [growth(epoch) for epoch in (0.0, 60.0, 120.0)]


def test_multiples_are_kept():
    _, size = pair("growth_of_multiples", SCALES["exponential"])
    assert {size(epoch) % 96 for epoch in range(200)} == {0}


def test_no_noise_is_the_full_batch_at_the_given_rate():
    rate, size = pair("growth", schedules.polynomial_decay(389.0, total_epochs=100))
    assert (size(100.0), rate(100.0)) == (N, 0.1)


def test_little_noise_is_almost_the_full_batch():
    assert pair("growth", schedules.polynomial_decay(389.0, total_epochs=100))[1](99.999999) == N - 1


def test_no_noise_at_a_limited_batch_is_no_rate():
    rate, size = pair("growth_then_decay", schedules.polynomial_decay(389.0, total_epochs=100))
    assert (size(100.0), rate(100.0)) == (5120, 0.0)


def test_the_batch_of_decay_may_be_a_schedule():
    rate, size = schedules.noise_scale_by_decay(49.9, schedules.grow(100, epochs=[5], factor=5), N)
    assert (size(5.0), noise(rate, size, 5.0, momentum=0.0)) == (500, pytest.approx(49.9, rel=1e-12))


def test_both_schedules_of_a_pair_have_configs():
    for made in pair("growth_then_decay", SCALES["steps"]):
        assert schedules.get({"name": made.name, **made.get_config()}) == made


def test_get_noise_scale_takes_what_the_run_knows():
    config = {"by": "growth", "scale": {"name": "cosine_decay", "initial": 49.9}, "learning_rate": 0.1}
    rate, size = schedules.get_noise_scale(config, num_examples=N, total_epochs=90, num_replicas=8)
    assert (size(0.0), noise(rate, size, 45.0, momentum=0.0)) == (100, pytest.approx(49.9 / 2, rel=1e-12))


GOOD = {"by": "growth", "scale": 50.0, "learning_rate": 0.1, "num_examples": N}
LIMITED = GOOD | {"by": "growth_then_decay", "maximum": 5120}
DECAY = {"by": "decay", "scale": 50.0, "batch_size": 128, "num_examples": N}


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ("growth", "a noise scale must be a dict with 'by', 'scale'"),
        ({"scale": 50.0}, r"does not say 'by' \(decay or growth or growth_then_decay\)"),
        (GOOD | {"by": "grwth"}, "there is no noise scale by 'grwth'; did you mean 'growth'"),
        (GOOD | {"by": "decay"}, "there is no argument of the noise scale by 'decay' called 'learning_rate'"),
        ({"by": "decay", "scale": 1.0}, "the noise scale by 'decay' needs batch_size, num_examples"),
        (GOOD | {"momentum": 1.0}, "momentum must be below 1, not 1.0"),
        (GOOD | {"momentum": -0.1}, "momentum must be a number at least 0, not -0.1"),
        (GOOD | {"scale": -1.0}, "scale must be a number at least 0, not -1.0"),
        (GOOD | {"learning_rate": 0}, "learning_rate must be a number above 0, not 0"),
        (GOOD | {"num_examples": 1}, "num_examples must be an integer at least 2, not 1"),
        (GOOD | {"multiple_of": 0}, "multiple_of must be an integer at least 1 and at most 49999, not 0"),
        (GOOD | {"multiple_of": N}, "multiple_of must be an integer at least 1 and at most 49999, not 50000"),
        (GOOD | {"scale": 0, "multiple_of": 96}, "a noise scale of 0 with a batch of 49920 means a learning rate of 0"),
        (LIMITED | {"maximum": N + 1}, "maximum must be an integer at least 1 and at most 50000, not 50001"),
        (LIMITED | {"maximum": None}, "maximum must be a number at least 1, not None"),
        (LIMITED | {"multiple_of": 5121}, "multiple_of must be an integer at least 1 and at most 5120, not 5121"),
        (LIMITED | {"scale": 0}, "a noise scale of 0 with a batch of 5120 means a learning rate of 0"),
        (DECAY | {"scale": 0}, "a noise scale of 0 with a batch of 128 means a learning rate of 0"),
        (DECAY | {"batch_size": N + 1}, "a batch must have from 1 to num_examples=50000 examples, not 50001"),
        (DECAY | {"batch_size": N}, "the full batch of 50000 examples has a noise scale of 0 at any learning rate"),
        (DECAY | {"batch_size": 1.5}, "batch_size must be an integer at least 1, not 1.5"),
    ],
)
def test_a_mistake_gets_a_sentence(config, sentence):
    with pytest.raises(RequestError, match=sentence):
        schedules.get_noise_scale(config)


def test_a_noise_scale_that_becomes_negative_is_refused_where_it_does():
    rate, _ = schedules.noise_scale_by_decay(lambda epoch: 1.0 - epoch, 128, N)
    with pytest.raises(RequestError, match=r"a noise scale must be a number at least 0, not -1\.0"):
        rate(2.0)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((-0.1, 10, 100), "learning_rate must be a number at least 0, not -0.1"),
        ((0.1, 0, 100), "a batch must have from 1 to num_examples=100 examples, not 0"),
        ((0.1, 101, 100), "a batch must have from 1 to num_examples=100 examples, not 101"),
        ((0.1, 10, 100, 1), "momentum must be below 1, not 1"),
    ],
)
def test_noise_scale_of_refuses(arguments, sentence):
    with pytest.raises(RequestError, match=sentence):
        schedules.noise_scale_of(*arguments)
