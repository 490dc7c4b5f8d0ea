"""Counts, from outside, how often a ledger syncs: exactly once for each acknowledged batch.

A killed process leaves what it wrote with the kernel, so no kill can show that anything reached the
device.  What can be shown is that the program asks the device, and waits, before it acknowledges.

    check.py PROGRAM

PROGRAM is the example `append`, built; strace has to be installed.
"""

import pathlib
import re
import subprocess
import sys
import tempfile

BATCHES = 200
RECORDS = 5
SYNC = re.compile(r"\b(fsync|fdatasync|sync_file_range|syncfs|sync|msync)\((\d*)(?:<([^>]*)>)?.*= (-?\d+)")
SAYS = re.compile(r'\bwrite\(1(?:<[^>]*>)?, "(made|acknowledged (\d+)|closed)')


def trace(program, arguments):
    with tempfile.TemporaryDirectory() as folder:
        log = pathlib.Path(folder) / "log"
        command = ["strace", "-f", "-y", "-o", str(log), "-e"]
        command += ["trace=write,fsync,fdatasync,sync_file_range,syncfs,sync,msync"]
        store = pathlib.Path(folder) / "ledger"
        subprocess.run(command + [program, str(store), *arguments], check=True, stdout=subprocess.PIPE)
        return log.read_text().splitlines()


def main():
    (program,) = sys.argv[1:]
    between = []
    acknowledged = 0
    for line in trace(program, [str(BATCHES), str(RECORDS)]):
        if sync := SYNC.search(line):
            call, _, path, result = sync.groups()
            if result != "0":
                sys.exit(f"a sync failed: {line}")
            between.append((call, pathlib.Path(path or "").name))
        elif says := SAYS.search(line):
            if says[1].startswith("acknowledged"):
                expected = [("fdatasync", "00000000.segment")]
                if between != expected:
                    sys.exit(f"before `{says[1]}` there should be {expected}, and there is {between}")
                acknowledged += 1
                if int(says[2]) != acknowledged * RECORDS:
                    sys.exit(f"`{says[1]}` comes after {acknowledged} batches")
            between = []
    if acknowledged != BATCHES:
        sys.exit(f"{acknowledged} batches were acknowledged, and {BATCHES} appended")
    print(f"{acknowledged} batches were acknowledged, each after exactly one fdatasync of the segment")


if __name__ == "__main__":
    main()
