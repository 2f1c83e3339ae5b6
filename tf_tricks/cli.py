"""`tf-tricks COMMAND`: lists the commands and hands over to the one that is named."""

import importlib
import sys
from collections.abc import Sequence

COMMANDS = {
    "train": "trains a config, or resumes the run in its workdir",
    "evaluate": "evaluates a finished run's model once",
    "doctor": "says why a config does not train, or would not train well, before hours are spent",
    "finetune": "fine-tunes a pretrained model: its new head, and as many blocks as the policy says",
    "search": "searches a config's hyper-parameters: coarse, then finer, on any number of processes",
    "ablate": "says which tricks of a config pay: each removed alone and added alone, paired seeds",
    "lab": "runs the lecture's claims as experiments, and says of each whether it holds",
    "runs": "lists the runs below folders: what differs between them, and their results",
    "export": "writes a run's model for other programs: Keras, SavedModel, TensorFlow Lite or ONNX, and checks it",
    "predict": "writes a finished run's predictions for pictures, arrays or a table",
    "preview": "draws what an augmentation does to images: a config's, or each there is",
    "tpu-check": "compiles a config's train step for TPUs, without one, and says what it needs there",
    "configs": "lists the configs that come with the package",
    "tricks": "lists every trick with one line; with a name, prints its card",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command that the first argument names; the exit status is the command's."""
    arguments = sys.argv[1:] if arguments is None else arguments
    command = arguments[0] if arguments else "--help"
    if command in ("--help", "-h", "help"):
        print(_usage())
        return 0
    if command in ("--version", "version"):
        from tf_tricks import __version__

        print(__version__)
        return 0
    if command not in COMMANDS:
        from tf_tricks.errors import unknown

        print(f"tf-tricks: {unknown('command', command, COMMANDS)}", file=sys.stderr)
        return 2
    program = importlib.import_module(f"tf_tricks.commands.{command.replace('-', '_')}")
    return program.run([f"tf-tricks {command}", *arguments[1:]])


def _usage():
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {what}" for name, what in COMMANDS.items()]
    return "\n".join(
        ["usage: tf-tricks COMMAND [--flags]", "", *lines, "", "tf-tricks COMMAND --help tells its flags."]
    )


if __name__ == "__main__":
    sys.exit(main())
