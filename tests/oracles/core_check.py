"""Has a Bitcoin Core node derive our descriptors, and compares.

    python core_check.py FOLDER VECTORS POLICIES

FOLDER holds `bitcoind`, VECTORS is what `cargo run --example derive_vectors` writes, and POLICIES
is the least number of policies it must hold.  Core must accept every descriptor.  Some are also
given with one character of the checksum changed, and must be refused, and altered with the checksum
of that, and must give another address.
"""

import base64
import http.client
import json
import pathlib
import socket
import subprocess
import sys
import tempfile
import time

import vectors

# Calls in one request.
BATCH = 50


class Node:
    """A node of its own, on a chain of its own, that talks to nobody."""

    def __init__(self, folder, data):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.cookie = pathlib.Path(data, "regtest", ".cookie")
        arguments = ["-regtest", f"-datadir={data}", f"-rpcport={self.port}", "-listen=0", "-connect=0", "-printtoconsole=0"]
        self.process = subprocess.Popen([pathlib.Path(folder, "bitcoind"), *arguments])

    def wait(self):
        for _ in range(600):
            if self.process.poll() is not None:
                raise SystemExit("the node does not start")
            try:
                # While it warms up, a node answers everything with an error.
                if self.cookie.exists() and self.call([("getblockcount", [])])[0][1] is None:
                    return
            except (OSError, http.client.HTTPException, ValueError):
                pass
            time.sleep(0.1)
        raise SystemExit("the node does not answer")

    def call(self, calls):
        """Result and error of each call, in order."""
        answers = []
        for start in range(0, len(calls), BATCH):
            some = calls[start : start + BATCH]
            request = [{"id": at, "method": method, "params": params} for at, (method, params) in enumerate(some)]
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=600)
            login = base64.b64encode(self.cookie.read_bytes().strip()).decode()
            connection.request("POST", "/", json.dumps(request), {"Authorization": f"Basic {login}"})
            answer = json.loads(connection.getresponse().read())
            connection.close()
            answer.sort(key=lambda entry: entry["id"])
            answers.extend((entry["result"], entry["error"]) for entry in answer)
        return answers

    def stop(self):
        self.process.terminate()
        self.process.wait(60)


def check(node, lines):
    report = vectors.Report()
    infos = node.call([("getdescriptorinfo", [vectors.body(line["descriptor"])]) for line in lines])
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
    for (line, index), (addresses, error) in zip(places, node.call(derived)):
        for keychain, address in enumerate(addresses or []):
            found[id(line), keychain, index] = address[0]
        report.compare(line, f"derived at {index}", True, error is None or error["message"])
    scripts = iter(node.call([("validateaddress", [place["address"]]) for line in lines for place in line["derived"]]))
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
    infos = node.call([("getdescriptorinfo", [other]) for other in others])
    calls = []
    for (_, line), other, (info, _) in zip(trials, others, infos):
        index = line["derived"][0]["index"]
        mistyped = line["descriptor"][:-1] + ("q" if line["descriptor"][-1] != "q" else "p")
        calls.append(("deriveaddresses", [f"{other}#{info['checksum']}", [index, index]]))
        calls.append(("deriveaddresses", [mistyped, [index, index]]))
    answers = iter(node.call(calls))
    count = 0
    for _, line in trials:
        (addresses, _), (_, error) = next(answers), next(answers)
        differs = addresses is not None and addresses[0][0] != line["derived"][0]["address"]
        count += differs and error is not None and "checksum" in error["message"]
    return count


def version(node):
    return node.call([("getnetworkinfo", [])])[0][0]["subversion"].strip("/")


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
