"""Fine-tunes a pretrained model: trains its new head, and as many of its blocks as the policy says.

tf-tricks finetune --config=finetune:linear_probe --config.init_from=runs/base --config.data.name=folder \
    --config.data.path=pictures --workdir=runs/small
"""

import sys
from typing import Any

from absl import flags

from tf_tricks.commands import program, train
from tf_tricks.errors import RequestError, check_number

flags.DEFINE_float(
    "auto_budget", 6.0, "what trained_blocks='auto' may cost, in times of the run itself", allow_override=True
)


def run(argv: list[str]) -> int:
    """Runs the program and returns its exit status."""
    return program.run(main, [*train.OWN_FLAGS, "auto_budget"], argv)


def main() -> None:
    """Fine-tunes from the flags."""
    from tf_tricks.commands import run_files
    from tf_tricks.training.freezing import AUTO

    budget = check_number("auto_budget", flags.FLAGS.auto_budget, above=0)
    config, folder = train.requested("finetune:last_blocks")
    if config["trained_blocks"] is None:
        raise RequestError(
            "the config does not say which blocks are trained: take --config=finetune:POLICY (tf-tricks configs), or "
            "say --config.trained_blocks=2"
        )
    config = config | {"data": _with_size(config)}
    before = run_files.read_config(folder) if (folder / "config.json").exists() else None
    if config["trained_blocks"] == AUTO and before is not None:
        config = config | {"trained_blocks": before["trained_blocks"]}  # what was chosen when the run began
    run_files.check_workdir(folder, config)
    if run_files.is_finished(folder, config["epochs"]):
        print(f"the run in {folder} is finished: {run_files.result(folder)}")
        return
    given = flags.FLAGS
    if config["trained_blocks"] == AUTO:
        config = config | {"trained_blocks": _chosen(config, given.device, budget)}
    train.train(config, folder, given.device, given.tpu, given.replicas)


def _chosen(config, device, budget):
    """How many blocks do best."""
    import tensorflow as tf

    from tf_tricks.engines import devices
    from tf_tricks.finetune.auto import choose

    if config["deterministic"]:
        tf.config.experimental.enable_op_determinism()
    strategy = devices.strategy(device)
    choice = choose(config, strategy, budget, lambda text: print(text, flush=True))
    print(choice.table())
    return choice.blocks


def _with_size(config: dict[str, Any]) -> Any:
    """The data, pictures of a folder brought to the size that the pretrained model takes, where nobody says another."""
    from tf_tricks.models.pretrained import size_of_inputs

    data, origin = config["data"], config["init_from"]
    if not hasattr(data, "get") or data.get("name") != "folder" or data.get("image_size") is not None or origin is None:
        return data
    size = size_of_inputs(origin)
    if size is None:
        return data
    print(f"pictures are brought to {size[0]} × {size[1]} pixels, as the model of {origin} takes them")
    return data | {"image_size": list(size)}


if __name__ == "__main__":
    sys.exit(run(sys.argv))
