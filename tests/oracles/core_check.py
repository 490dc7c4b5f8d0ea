"""Has a Bitcoin Core node derive our descriptors, and compares.

    python core_check.py FOLDER VECTORS POLICIES

FOLDER holds `bitcoind`, VECTORS is what `cargo run --example derive_vectors` writes, and POLICIES
is the least number of policies it must hold.  Core must accept every descriptor.  Some are also
given with one character of the checksum changed, and must be refused, and altered with the checksum
of that, and must give another address.
"""

import sys
import tempfile

import vectors
from node import Node


def check(node, lines):
    report = vectors.Report()
    infos = node.batch([("getdescriptorinfo", [vectors.body(line["descriptor"])]) for line in lines])
    derived, places = [], []
    for line, (info, error) in zip(lines, infos):
        own = vectors.body(line["descriptor"])
        report.compare(line, "accepted", True, error is None or error["message"])
        report.compare(line, "checksum", line["descriptor"], info and f"{own}#{info['checksum']}")
        indexes = sorted({place["index"] for place in line["derived"]})
        for index in indexes:
            derived.append(("deriveaddresses", [line["descriptor"], [index, index]]))
            places.append((line, index))
    found = {}
    for (line, index), (addresses, error) in zip(places, node.batch(derived)):
        for keychain, address in enumerate(addresses or []):
            found[id(line), keychain, index] = address[0]
        report.compare(line, f"derived at {index}", True, error is None or error["message"])
    scripts = iter(node.batch([("validateaddress", [place["address"]]) for line in lines for place in line["derived"]]))
    for line in lines:
        for place in line["derived"]:
            what = f"keychain {place['keychain']}, index {place['index']}"
            address = found.get((id(line), place["keychain"], place["index"]))
            report.compare(line, f"address at {what}", place["address"], address)
            report.compare(line, f"script at {what}", place["script"], next(scripts)[0].get("scriptPubKey"))
    trials = vectors.some(lines)
    report.finish(version(node), len(lines), noticed(node, trials), len(trials))


def noticed(node, trials):
    """How many descriptors Core tells from altered ones, and refuses with another checksum."""
    others = [vectors.altered(vectors.body(line["descriptor"]), number) for number, line in trials]
    infos = node.batch([("getdescriptorinfo", [other]) for other in others])
    calls = []
    for (_, line), other, (info, _) in zip(trials, others, infos):
        index = line["derived"][0]["index"]
        mistyped = line["descriptor"][:-1] + ("q" if line["descriptor"][-1] != "q" else "p")
        calls.append(("deriveaddresses", [f"{other}#{info['checksum']}", [index, index]]))
        calls.append(("deriveaddresses", [mistyped, [index, index]]))
    answers = iter(node.batch(calls))
    count = 0
    for _, line in trials:
        (addresses, _), (_, error) = next(answers), next(answers)
        differs = addresses is not None and addresses[0][0] != line["derived"][0]["address"]
        count += differs and error is not None and "checksum" in error["message"]
    return count


def version(node):
    return node.batch([("getnetworkinfo", [])])[0][0]["subversion"].strip("/")


def main():
    lines = vectors.read(sys.argv[2], int(sys.argv[3]))
    with tempfile.TemporaryDirectory() as data:
        node = Node(sys.argv[1], data)
        try:
            node.wait()
            check(node, lines)
        finally:
            node.stop()


if __name__ == "__main__":
    main()
