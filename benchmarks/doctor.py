"""Does the doctor name what is wrong, and is it silent where nothing is?

    TFDS_DATA_DIR=../shared/data/tfds python benchmarks/doctor.py [--half=1|2] [--only=NAME,NAME] [--output=FILE]

Shows `tt.diagnose` 24 set-ups that are broken on purpose and 12 that train well (`doctor_set_ups.py`), each in a fresh
process, and prints for each the first two findings with how sure they are, whether the cause is among them, and the
seconds; then the totals. A false alarm is a healthy set-up with a finding of confidence 0.5 or more.
"""

import argparse
import json
import multiprocessing
import os
import time
import traceback

SURE = 0.5
SECONDS = 600


def examine(set_up):
    """The findings of a set-up as (name, confidence, measured), and the seconds that they took; or what broke."""
    import keras

    import tf_tricks as tt

    keras.utils.set_random_seed(0)
    arguments = set_up.make()
    started = time.perf_counter()
    try:
        report = tt.diagnose(arguments.pop("model"), arguments.pop("data"), progress=None, **arguments)
    except Exception as error:
        traceback.print_exc()
        return {"error": f"{type(error).__name__}: {error}".split("\n")[0], "seconds": time.perf_counter() - started}
    found = [(f.name, round(float(f.confidence), 3), f.measured) for f in getattr(report, "findings", report)]
    return {"found": found, "seconds": time.perf_counter() - started}


def child(name, connection):
    """Examines the set-up called `name` and sends what came out."""
    from doctor_set_ups import HALF_1, HALF_2

    connection.send(examine(next(set_up for set_up in HALF_1 + HALF_2 if set_up.name == name)))


def alone(name):
    """`examine` in a fresh process, so that no visit leaves anything to the next, within SECONDS."""
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe(duplex=False)
    process = spawn.Process(target=child, args=(name, theirs))
    process.start()
    theirs.close()
    try:
        return ours.recv() if ours.poll(SECONDS) else {"error": "took too long", "seconds": SECONDS}
    except EOFError:
        return {"error": "the process ended", "seconds": 0.0}
    finally:
        process.kill()
        process.join()


def verdict(set_up, result):
    """(whether it is right, a word for it)."""
    found = result.get("found")
    if found is None:
        return False, f"BROKE ({result['error']})"
    if not set_up.expected:
        alarm = any(confidence >= SURE for _, confidence, _ in found)
        return not alarm, "FALSE ALARM" if alarm else "silent"
    places = [i for i, (name, *_) in enumerate(found, 1) if name in set_up.expected]
    if places and places[0] <= 2:
        return True, ("first", "second")[places[0] - 1]
    wanted = " or ".join(sorted(set_up.expected))
    return False, f"MISSED: {wanted} " + (f"is number {places[0]}" if places else "is not found")


def main():
    """Examines and prints."""
    from doctor_set_ups import chosen

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", help="a file that gets all findings, a JSON object a line")
    set_ups, given = chosen(parser)
    right = {True: [], False: []}  # of the broken ones, of the healthy ones
    for set_up in set_ups:
        result = alone(set_up.name)
        good, word = verdict(set_up, result)
        right[bool(set_up.expected)].append(good)
        first = ", ".join(f"{name} {confidence:.2f}" for name, confidence, _ in result.get("found", [])[:2])
        print(f"{set_up.name:32} {word:12} [{first or 'nothing'}] {result['seconds']:.0f} s", flush=True)
        if given.output:
            with open(given.output, "a") as file:
                file.write(json.dumps({"name": set_up.name, "verdict": word} | result) + "\n")
    broken, healthy = right[True], right[False]
    print(f"named first or second: {sum(broken)} of {len(broken)} broken ones")
    print(f"false alarms: {len(healthy) - sum(healthy)} of {len(healthy)} healthy ones")


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    main()
