"""Has a Bitcoin Core node with its mempool judge what an embedded chain has judged.

    python relay_check.py FOLDER RECORD...

FOLDER holds `bitcoind`, and each RECORD is what `longstop simulate --blocks` writes.  Whatever was
offered to the embedded chain is offered to the node, which has to take and refuse the same, in the
same words; and its mempool has to hold the same transactions at every moment.  How a record is
read is in the book, in the chapter about the embedded chain.

Several records are judged side by side, one per core, and the exit code is 1 if one fails.
"""

import collections
import concurrent.futures
import hashlib
import os
import pathlib
import struct
import sys
import tempfile
import time

import node

# No self-checks that grow with the chain, nothing expires, and what is let in does not hang on the
# clock of the machine.
OPTIONS = ["-checkblockindex=0", "-checkmempool=0", "-mempoolexpiry=1000000", "-persistmempool=0", "-dbcache=300", "-par=1", "-rpcthreads=2", "-nodebuglogfile"]

# Bitcoin Core's `DEFAULT_MIN_RELAY_TX_FEE`, in satoshi per 1,000 vbytes.
MIN_RELAY = 100

# What makes every transaction welcome for a moment, in satoshi.
PRIORITY = 100_000_000

# The regtest genesis block has a timestamp of 2011; the clock of a node may not be behind a block.
FIRST_TIME = 1296688602

# The same in other words: by the age of a cache, and by the call.
SAME = {
    "missing-inputs": "bad-txns-inputs-missingorspent",
    "package-not-child-with-unconfirmed-parents": "package-not-child-with-parents",
}


class Disagreement(Exception):
    """The node and the embedded chain do not say the same."""


def class_of(reason):
    """The class of a reject reason, in one word as in a record."""
    if "script-verify-flag-failed" in reason:
        word = reason.split(" (")[0]
    else:
        word = reason.split(",")[0].strip()
    return SAME.get(word, word).replace(" ", "-")


def txid_of(raw):
    """The id of a transaction in bytes: the hash of it without its witnesses."""
    if raw[4] != 0:
        return hashlib.sha256(hashlib.sha256(raw).digest()).digest()[::-1].hex()
    at = 6

    def number():
        nonlocal at
        first = raw[at]
        at += 1
        if first < 0xFD:
            return first
        size = {0xFD: 2, 0xFE: 4, 0xFF: 8}[first]
        value = int.from_bytes(raw[at : at + size], "little")
        at += size
        return value

    for _ in range(number()):
        at += 36
        length = number()
        at += length + 4
    for _ in range(number()):
        at += 8
        length = number()
        at += length
    bare = raw[:4] + raw[6:at] + raw[-4:]
    return hashlib.sha256(hashlib.sha256(bare).digest()).digest()[::-1].hex()


class Judge:
    """One record on one node."""

    def __init__(self, folder, data):
        self.folder = folder
        self.data = data
        self.time = FIRST_TIME
        self.floor = 0
        self.waits = []
        self.pending = []
        self.counts = collections.Counter()
        self.node = None
        self.start()

    def start(self):
        more = [f"-mocktime={self.time}"]
        if self.floor > MIN_RELAY:
            more.append(f"-minrelaytxfee={self.floor // 100_000_000}.{self.floor % 100_000_000:08}")
        self.node = node.Node(self.folder, self.data, *OPTIONS, *more).wait()

    def restart(self, forgotten):
        """Starts the node anew, with the same mempool but for what is forgotten."""
        pool = self.node.call("getrawmempool", True)
        order = sorted(pool, key=lambda txid: pool[txid]["ancestorcount"])
        held = [(txid, self.node.call("getrawtransaction", txid)) for txid in order if txid not in forgotten]
        self.node.stop()
        self.start()
        for txid, raw in held:
            self.node.call("prioritisetransaction", txid, 0, PRIORITY)
            self.node.call("sendrawtransaction", raw, 0)
            self.node.call("prioritisetransaction", txid, 0, -PRIORITY)

    def judge(self, lines):
        for number, line in enumerate(lines, 1):
            word, *rest = line.split()
            try:
                self.take(word, rest)
            except (Disagreement, node.Refused) as error:
                raise Disagreement(f"line {number} ({word}): {error}") from error
        self.flush()
        self.compare_pool()

    def take(self, word, rest):
        if word == "block":
            self.pending.append(rest[0])
        elif word == "offer":
            self.flush()
            self.compare_pool()
            self.offer(rest[0], rest[1:])
        elif word == "waits":
            self.flush()
            self.waits = rest
            self.compare_pool()
        elif word == "floor":
            self.flush()
            # In satoshi per 1,000 weight units, which are 250 vbytes.
            self.floor = int(rest[0]) * 4
            self.restart(set())
        elif word == "reorg":
            self.flush()
            self.reorg(int(rest[0]), set(rest[1:]))
        elif word not in ("#", "tip", "refused", "relay"):
            # The last three are for a judge of blocks.
            raise Disagreement("a line of no known kind")

    def flush(self):
        """Hands the blocks over that are still to be handed over."""
        if not self.pending:
            return
        times = [struct.unpack("<I", bytes.fromhex(block[136:144]))[0] for block in self.pending]
        self.time = max(self.time, *times)
        self.node.call("setmocktime", self.time)
        for result, error in self.node.batch([("submitblock", [block]) for block in self.pending]):
            if result is not None or error is not None:
                raise Disagreement(f"submitblock: {result or error}")
        best = hashlib.sha256(hashlib.sha256(bytes.fromhex(self.pending[-1][:160])).digest()).digest()[::-1].hex()
        if self.node.call("getbestblockhash") != best:
            raise Disagreement(f"the block {best} is not the tip")
        self.counts["blocks"] += len(self.pending)
        self.pending = []

    def compare_pool(self):
        self.node.call("syncwithvalidationinterfacequeue")
        held = sorted(self.node.call("getrawmempool"))
        expected = sorted(self.waits)
        if held != expected:
            more = set(held) - set(expected)
            less = set(expected) - set(held)
            raise Disagreement(f"the mempool holds {sorted(more)} as well and lacks {sorted(less)}")

    def offer(self, expected, transactions):
        said = self.single(*transactions) if len(transactions) == 1 else self.package(*transactions)
        equal = {expected}
        if expected == "txn-already-known":
            # A node says so as long as it has the outputs at hand.
            equal.add("bad-txns-inputs-missingorspent")
        if expected == "mempool-min-fee-not-met" and self.floor > MIN_RELAY:
            equal.add("min-relay-fee-not-met")
        if said not in equal:
            raise Disagreement(f"the node says {said}, and the embedded chain said {expected}")
        self.counts["accepted" if expected == "accepted" else "refused"] += 1
        self.counts["class " + expected] += 1
        if expected == "accepted":
            held = set(self.node.call("getrawmempool"))
            ids = [txid_of(bytes.fromhex(raw)) for raw in transactions]
            if not held.issuperset(ids):
                raise Disagreement("what it has accepted is not in its mempool")

    def single(self, raw):
        tested = self.node.call("testmempoolaccept", [raw], 0)[0]
        if not tested["allowed"]:
            return class_of(tested["reject-reason"])
        self.node.call("sendrawtransaction", raw, 0)
        return "accepted"

    def package(self, parent, child):
        try:
            answer = self.node.call("submitpackage", [parent, child], 0)
        except node.Refused as error:
            return class_of(str(error))
        if answer["package_msg"] == "success":
            return "accepted"
        # What is wrong with the package as a whole; what is said of the parts was found before.
        if answer["package_msg"] != "transaction failed":
            return class_of(answer["package_msg"])
        by_id = {result["txid"]: result for result in answer["tx-results"].values()}
        for raw in (parent, child):
            error = by_id.get(txid_of(bytes.fromhex(raw)), {}).get("error")
            if error is not None:
                return class_of(error)
        return class_of(answer["package_msg"])

    def reorg(self, depth, forgotten):
        height = self.node.call("getblockcount")
        lowest = self.node.call("getblockhash", height - depth + 1)
        self.node.call("invalidateblock", lowest)
        if forgotten:
            self.restart(forgotten)
        self.counts["reorgs"] += 1


def judge_file(folder, record):
    begun = time.monotonic()
    # In memory where there is a folder for it: what a node writes is not what is judged.
    memory = "/dev/shm" if os.path.isdir("/dev/shm") else None
    with tempfile.TemporaryDirectory(dir=memory) as data:
        judge = Judge(folder, data)
        try:
            judge.judge(pathlib.Path(record).read_text().splitlines())
        except (Disagreement, node.Refused) as error:
            return record, None, str(error)
        finally:
            judge.node.stop()
    return record, judge.counts, f"{time.monotonic() - begun:.1f} s"


def main():
    folder, *records = sys.argv[1:]
    if not records:
        raise SystemExit(__doc__)
    total = collections.Counter()
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        for record, counts, told in pool.map(lambda record: judge_file(folder, record), records):
            name = pathlib.Path(record).name
            if counts is None:
                failed += 1
                print(f"FAILED {name}: {told}", flush=True)
                continue
            total += counts
            offers = f"{counts['accepted']} accepted, {counts['refused']} refused"
            print(f"ok     {name}: {counts['blocks']} blocks, {offers}, {counts['reorgs']} reorgs, {told}", flush=True)
    for name, count in sorted(total.items()):
        if name.startswith("class "):
            print(f"{count:6} {name.removeprefix('class ')}")
    print(f"{len(records) - failed} passed, {failed} failed; {total['accepted']} accepted, {total['refused']} refused")
    if failed or not total["accepted"] or not total["refused"]:
        raise SystemExit(1)


main()
