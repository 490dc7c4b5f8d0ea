"""Derives our descriptors with embit, which shares no code with us, and compares.

    python embit_check.py VECTORS POLICIES

VECTORS is what `cargo run --example derive_vectors` writes, and POLICIES the least number of
policies it must hold.  Some descriptors are also altered, and must then give another script.
"""

import sys
from importlib.metadata import version

from embit.descriptor import Descriptor
from embit.descriptor.checksum import add_checksum
from embit.networks import NETWORKS

import vectors


def main():
    lines = vectors.read(sys.argv[1], int(sys.argv[2]))
    report = vectors.Report()
    noticed = 0
    for line in lines:
        text = vectors.body(line["descriptor"])
        report.compare(line, "checksum", line["descriptor"], add_checksum(text))
        descriptor = Descriptor.from_string(text)
        for place in line["derived"]:
            what = f"keychain {place['keychain']}, index {place['index']}"
            derived = descriptor.derive(place["index"], branch_index=place["keychain"])
            script = derived.script_pubkey()
            report.compare(line, f"script at {what}", place["script"], script.data.hex())
            report.compare(line, f"address at {what}", place["address"], script.address(NETWORKS["regtest"]))
    trials = vectors.some(lines)
    for number, line in trials:
        first = line["derived"][0]
        other = Descriptor.from_string(vectors.altered(vectors.body(line["descriptor"]), number))
        script = other.derive(first["index"], branch_index=first["keychain"]).script_pubkey()
        noticed += script.data.hex() != first["script"]
    report.finish(f"embit {version('embit')}", len(lines), noticed, len(trials))


main()
