"""Verifies evidence with other libraries and readers of its own, which share no code with us.

    python evidence_check.py FOLDER [POLICY_ID]
    python evidence_check.py --session LONGSTOP SERVERS

FOLDER is evidence as `longstop evidence create` writes it: its sums, the policy id, the descriptors
(their first address by embit), every event (by libsodium), the tree and the checkpoint, the proofs,
the rules, PSBTs and transactions (by embit), and the blocks.  How the case stands is not worked out
again here.

With --session, LONGSTOP is the program and SERVERS the folder that holds `bitcoind`.  A vault gets
a coin on a chain of its own, a case is opened about it, and evidence is put together twice; the
folder is verified as above, every block of commands in its page runs, and every file is changed in
turn, which has to be noticed here as well.
"""

import base64
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import tomllib

from embit.descriptor import Descriptor
from embit.networks import NETWORKS
from embit.psbt import PSBT
from embit.transaction import Transaction
from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey

import events_check
from events_check import Wrong, demand

HERE = pathlib.Path(__file__).parent
FIXTURES = HERE.parent / "cli" / "fixtures"
EMBIT = {"bitcoin": "main", "testnet4": "test", "signet": "signet", "regtest": "regtest"}
# The easiest target of each network, as the four bytes in a header say it.
EASIEST = {"bitcoin": 0x1D00FFFF, "testnet4": 0x1D00FFFF, "signet": 0x1E0377AE, "regtest": 0x207FFFFF}
FIXED = """README.txt SHA256SUMS genesis.json policy.toml descriptors.txt branches.txt ledger.jsonl
checkpoint.txt case.json case.txt""".split()
FOLDERS = "proofs rules psbts transactions block-proofs headers reports".split()


def sha256(data):
    return hashlib.sha256(data).digest()


# --- the parts ----------------------------------------------------------------------------------


def read_folder(folder):
    files = {}
    for path in sorted(pathlib.Path(folder).rglob("*")):
        demand(not path.is_symlink(), f"{path} is a link")
        if path.is_file():
            files[path.relative_to(folder).as_posix()] = path.read_bytes()
    return files


def check_sums(files):
    expected = {}
    for line in files.get("SHA256SUMS", b"").decode().splitlines():
        digest, name = line.split("  ", 1)
        expected[name] = digest
    found = {name: hashlib.sha256(data).hexdigest() for name, data in files.items() if name != "SHA256SUMS"}
    odd = {name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name)}
    demand(not odd, f"not as the sums say: {', '.join(sorted(odd))}")
    demand(set(FIXED) <= files.keys(), "a file is missing")
    for name in files:
        demand(name in FIXED or name.split("/")[0] in FOLDERS, f"{name} is none of evidence")


def check_policy(files):
    genesis = json.loads(files["genesis.json"])
    demand(genesis["policy"].encode() == files["policy.toml"], "another policy in genesis.json")
    lines = "".join(f"{descriptor}\n" for descriptor in genesis["descriptors"])
    demand(lines.encode() == files["descriptors.txt"], "other descriptors in genesis.json")
    tagged = sha256(b"longstop/policy-id") * 2
    for name in ("policy.toml", "descriptors.txt", "branches.txt"):
        tagged += len(files[name]).to_bytes(8, "little") + files[name]
    demand(sha256(tagged).hex() == genesis["policy_id"], "the policy id is that of something else")
    vault = Descriptor.from_string(genesis["descriptors"][0].split("#")[0])
    network = NETWORKS[EMBIT[genesis["network"]]]
    address = vault.derive(0, branch_index=0).address(network)
    demand(address == genesis["first_address"], f"the first address is {address}")
    return genesis


def check_events(files, genesis):
    first, *lines = files["ledger.jsonl"].split(b"\n")
    demand(first == files["genesis.json"], "the ledger begins with something else")
    demand(lines.pop() == b"", "the last line does not end")
    known = events_check.told(line.decode() for line in lines)
    demand(len(known) == len(lines), "an event stands in it twice")
    parties = tomllib.loads(files["policy.toml"].decode())["parties"]
    keys = {name: [party.get("identity")] for name, party in parties.items()}
    for id_, (signer, value) in known.items():
        demand((value["policy"], value["network"]) == (genesis["policy_id"], genesis["network"]), id_)
        demand(signer in keys[value["author"]], f"{id_} is signed by somebody else")
        if "replaces" in value["body"]:
            keys[value["body"]["party"]].append(value["body"]["identity"])
    return lines, known, keys


def root(hashes):
    if not hashes:
        return sha256(b"")
    if len(hashes) == 1:
        return hashes[0]
    split = 1
    while split * 2 < len(hashes):
        split *= 2
    return sha256(b"\x01" + root(hashes[:split]) + root(hashes[split:]))


def check_checkpoint(files, genesis, lines, keys, case):
    text, signatures = files["checkpoint.txt"].decode().split("\n\n")
    origin, size, hashed = text.split("\n")
    party = case["checkpoint"]["party"]
    demand(origin == f"longstop/ledger/{genesis['policy_id']}/{party}", "a checkpoint of another ledger")
    tree = root([sha256(b"\x00" + line) for line in lines])
    demand((size, hashed) == (str(len(lines)), base64.b64encode(tree).decode()), "a checkpoint of another tree")
    found = re.fullmatch(r"— (\S+) (\S+)\n", signatures)
    demand(found is not None and found[1] == party, "not one signature by the party")
    signature = base64.b64decode(found[2], validate=True)
    key = bytes.fromhex(keys[party][-1])
    demand(signature[:4] == sha256(party.encode() + b"\n\x01" + key)[:4], "signed with another key")
    try:
        VerifyKey(key).verify(text.encode() + b"\n", signature[4:])
    except BadSignatureError:
        raise Wrong("the signature of the checkpoint does not hold") from None
    return tree


def climb(position, size, leaf, hashes):
    """The root that a proof leads to (RFC 9162, section 2.1.3.2, from the leaf up)."""
    last = size - 1
    hashed = leaf
    for beside in hashes:
        demand(last > 0, "a proof that is too long")
        if position & 1 or position == last:
            hashed = sha256(b"\x01" + beside + hashed)
            while position and not position & 1:
                position, last = position >> 1, last >> 1
        else:
            hashed = sha256(b"\x01" + hashed + beside)
        position, last = position >> 1, last >> 1
    demand(last == 0, "a proof that is too short")
    return hashed


def check_case(files, genesis, lines, known, tree, case):
    demand(case["longstop_evidence"] == 1, "another form")
    demand((case["policy_id"], case["network"]) == (genesis["policy_id"], genesis["network"]), "another policy")
    ids = list(known)
    about = [at for at, id_ in enumerate(ids) if case["case"] in (id_, known[id_][1]["body"].get("case"))]
    rows = [(row["event"], row["position"], row["author"]) for row in case["events"]]
    demand(rows == [(ids[at], at, known[ids[at]][1]["author"]) for at in about], "other events of the case")
    demand(case["status"]["case"] == case["case"], "the status of another case")
    for statement in case["status"]["statements"]:
        demand(statement["text"] in files["case.txt"].decode(), "case.txt says something else than case.json")
    proofs = {name for name in files if name.startswith("proofs/")}
    demand(proofs == {f"proofs/{ids[at]}.txt" for at in about}, "other proofs than events of the case")
    for at in about:
        proof, note = files[f"proofs/{ids[at]}.txt"].decode().split("\n\n", 1)
        kind, index, *hashes = proof.split("\n")
        demand((kind, index) == ("c2sp.org/tlog-proof@v1", f"index {at}"), "a proof of something else")
        demand(note.encode() == files["checkpoint.txt"], "a proof with another checkpoint")
        hashes = [base64.b64decode(hashed, validate=True) for hashed in hashes]
        demand(climb(at, len(lines), sha256(b"\x00" + lines[at]), hashes) == tree, "a proof that leads elsewhere")
    judged = [known[ids[at]][1]["body"].get("judgement") for at in about]
    rules = {f"rules/{said['rule_sha256']}.rhai": said["rule"].encode() for said in judged if said}
    demand({name: data for name, data in files.items() if name.startswith("rules/")} == rules, "other rules")


def hexadecimal(data):
    text = data.decode()
    demand(re.fullmatch(r"([0-9a-f]{2})+\n", text), "no line in hexadecimal")
    return bytes.fromhex(text)


def inside(files, folder):
    return {name.split("/")[1]: data for name, data in files.items() if name.startswith(folder + "/")}


def check_transactions(files):
    found = set()
    for name, data in inside(files, "transactions").items():
        txid = Transaction.parse(hexadecimal(data)).txid().hex()
        demand(name == f"{txid}.hex", f"transactions/{name} is {txid}")
        found.add(txid)
    for name, data in inside(files, "psbts").items():
        txid = PSBT.parse(data).tx.txid().hex()
        demand(re.fullmatch(rf"{txid}(-[0-9]+)?\.psbt", name), f"psbts/{name} is of {txid}")
    return found


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        demand(self.at + count <= len(self.data), "it ends too early")
        self.at += count
        return self.data[self.at - count : self.at]

    def number(self, count):
        return int.from_bytes(self.take(count), "little")

    def compact(self):
        first = self.number(1)
        return first if first < 253 else self.number({253: 2, 254: 4, 255: 8}[first])


def partial_tree(data):
    """The root and the named transactions of a partial Merkle tree (BIP-37)."""
    reader = Reader(data)
    count = reader.number(4)
    demand(0 < count <= 4_000_000 // 60, "no number of transactions")
    hashes = [reader.take(32) for _ in range(reader.compact())]
    bits = [byte >> at & 1 for byte in reader.take(reader.compact()) for at in range(8)]
    demand(reader.at == len(data), "more than a tree")
    named, used = [], [0, 0]

    def next_of(values, which):
        demand(used[which] < len(values), "a tree that ends too early")
        used[which] += 1
        return values[used[which] - 1]

    def walk(height, position):
        leads = next_of(bits, 0)
        if height == 0 or not leads:
            hashed = next_of(hashes, 1)
            if height == 0 and leads:
                named.append(hashed[::-1].hex())
            return hashed
        left = right = walk(height - 1, position * 2)
        if position * 2 + 1 < (count + (1 << height - 1) - 1) >> height - 1:
            right = walk(height - 1, position * 2 + 1)
            demand(left != right, "two branches that are the same")
        return sha256(sha256(left + right))

    top = walk((count - 1).bit_length(), 0)
    demand(used[1] == len(hashes) and (used[0] + 7) // 8 == len(bits) // 8, "hashes or bits that are not used")
    return top, named


def target(bits):
    size, digits = bits >> 24, bits & 0x7FFFFF
    return digits << 8 * (size - 3) if size > 3 else digits >> 8 * (3 - size)


def check_blocks(files, network, transactions):
    proofs, headers = inside(files, "block-proofs"), inside(files, "headers")
    demand(proofs.keys() == headers.keys(), "headers and proofs do not go together")
    proven = set()
    for name, data in proofs.items():
        data = hexadecimal(data)
        header, tree = data[:80], data[80:]
        demand(hexadecimal(headers[name]) == header, f"headers/{name} is another one")
        hashed = sha256(sha256(header))
        demand(name == f"{hashed[::-1].hex()}.hex", f"block-proofs/{name} is of another block")
        limit = target(int.from_bytes(header[72:76], "little"))
        demand(0 < limit <= target(EASIEST[network]), "a target that is too easy")
        demand(int.from_bytes(hashed, "little") <= limit, "work that does not meet its target")
        top, named = partial_tree(tree)
        demand(top == header[36:68], "a tree that does not lead to the header")
        demand(named and transactions >= set(named), "a proof of what is not here")
        proven |= set(named)
    return proven


def check(folder, policy_id=None):
    files = read_folder(folder)
    check_sums(files)
    genesis = check_policy(files)
    demand(policy_id in (None, genesis["policy_id"]), "it is about another policy")
    case = json.loads(files["case.json"])
    lines, known, keys = check_events(files, genesis)
    tree = check_checkpoint(files, genesis, lines, keys, case)
    check_case(files, genesis, lines, known, tree, case)
    transactions = check_transactions(files)
    proven = check_blocks(files, genesis["network"], transactions)
    return (
        f"{len(files)} files, {len(known)} events, {len(case['events'])} of the case, "
        f"{len(transactions)} transactions, {len(proven)} of them in blocks"
    )


# --- a session ----------------------------------------------------------------------------------


def session(longstop, servers):
    from core_check import Node

    folder = pathlib.Path(tempfile.mkdtemp())
    for name in [f"{party}.identity" for party in ("ann", "ben", "cat", "dan", "eve")] + ["passphrase"]:
        (folder / name).write_bytes((FIXTURES / "identities" / name).read_bytes())
        (folder / name).chmod(0o600)
    (folder / "policy.toml").write_bytes((FIXTURES / "governance" / "policy.toml").read_bytes())
    environment = dict(os.environ, LONGSTOP_STATE=str(folder / "state"))

    def run(*arguments):
        command = [longstop, *arguments, "--json"]
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
        demand(done.returncode == 0, f"{arguments}: {done.stderr}")
        return json.loads(done.stdout)

    def say(party, minute, *what):
        when = ["--height", str(1000 + minute), "--median-time", f"2026-01-01T00:{minute:02}:00Z"]
        return run(*what, "--identity", f"{party}.identity", "--passphrase-file", "passphrase", *when)

    address = run("ledger", "init", "ledger", "policy.toml")["first_address"]
    data = folder / "node"
    data.mkdir()
    node = Node(servers, data)
    try:
        node.wait()

        ask = node.call
        (block,) = ask("generatetoaddress", 1, address)
        (txid,) = ask("getblock", block)["tx"]
        (folder / "deposit.hex").write_text(ask("getrawtransaction", txid, False, block))
        (folder / "deposit.proof").write_text(ask("gettxoutproof", [txid], block))
        (folder / "note.md").write_text("The office burnt down on the first of January.\n")

        say("ann", 0, "case", "heartbeat", "ledger")
        case = say("dan", 1, "case", "open", "ledger", "--path", "sos", "--why", "the office burnt down")["event"]
        say("ann", 2, "case", "vote", "ledger", "yes")
        say("eve", 3, "case", "heartbeat", "ledger")
        say("ben", 4, "case", "vote", "ledger", "no")
        attached = ["--transaction", "deposit.hex", "--block-proof", "deposit.proof", "--report", "note.md"]
        for path in ("case", "case.zip", "again.zip"):
            say("ann", 5, "evidence", "create", "ledger", case, "--output", path, *attached)
        demand((folder / "case.zip").read_bytes() == (folder / "again.zip").read_bytes(), "not the same bytes")
        for path in ("case", "case.zip"):
            demand(run("evidence", "verify", path)["passed"], path)
        print(check(folder / "case"))
        page = Page(folder / "case", servers, node, data)
        print(f"{page.run()} blocks of commands in the page")
        print(f"{changes(folder / 'case', page)} changes are noticed")
    finally:
        node.stop()


class Page:
    """The page in a folder, with the node that it asks."""

    def __init__(self, folder, servers, node, data):
        self.folder = folder
        tools = pathlib.Path(tempfile.mkdtemp())
        client = tools / "bitcoin-cli"
        client.write_text(f'#!/bin/sh\nexec "{servers}/bitcoin-cli" -datadir="{data}" -rpcport={node.port} "$@"\n')
        client.chmod(0o755)
        self.environment = dict(os.environ, PATH=f"{tools}:{os.environ['PATH']}")
        self.blocks = re.findall(r"```sh\n(.*?)```", (folder / "README.txt").read_text(), re.S)

    def run(self, only=""):
        """Runs its blocks of commands, as somebody would who has nothing but it."""
        blocks = [block for block in self.blocks if only in block]
        for block in blocks:
            command = ["bash", "-euo", "pipefail", "-c", block]
            done = subprocess.run(command, cwd=self.folder, env=self.environment, capture_output=True, text=True)
            demand(done.returncode == 0, f"{block}\n{done.stdout}{done.stderr}")
        return len(blocks)


def changes(folder, page):
    """Changes a byte of every file in turn, with its sum, and expects that to be noticed: here, and
    where it is a matter of the chain, by the node that the page asks."""
    count = 0
    sums = folder / "SHA256SUMS"
    before = sums.read_bytes()
    # What these say is compared with nothing but their sums here.
    free = {"README.txt", "case.txt"}
    for name, data in read_folder(folder).items():
        changed = bytearray(data)
        changed[len(data) // 2] ^= 1
        (folder / name).write_bytes(changed)
        expect_wrong(folder, name)
        count += 1
        if name not in free and name != "SHA256SUMS" and not name.startswith("reports/"):
            digests = [hashlib.sha256(part).hexdigest().encode() for part in (data, bytes(changed))]
            sums.write_bytes(before.replace(*digests))
            expect_wrong(folder, f"{name} with its sum")
            if name.split("/")[0] in ("descriptors.txt", "transactions", "block-proofs", "headers"):
                expect_page_wrong(page, name)
            sums.write_bytes(before)
            count += 1
        (folder / name).write_bytes(data)
    check(folder)
    return count


def expect_page_wrong(page, what):
    try:
        page.run("bitcoin-cli")
    except Wrong:
        return
    raise Wrong(f"the page does not notice a change of {what}")


def expect_wrong(folder, what):
    try:
        check(folder)
    except (Wrong, ValueError, KeyError, IndexError, TypeError):
        return
    except Exception as error:  # embit has no class of errors of its own for all that is wrong
        if type(error).__module__.startswith("embit"):
            return
        raise
    raise Wrong(f"a change of {what} is not noticed")


def main():
    try:
        match sys.argv[1:]:
            case ["--session", longstop, servers]:
                session(pathlib.Path(longstop).resolve(), pathlib.Path(servers).resolve())
            case [folder, *policy_id] if len(policy_id) < 2:
                print(check(folder, *policy_id))
            case _:
                sys.exit(__doc__)
    except Wrong as wrong:
        sys.exit(f"evidence_check: {wrong}")


if __name__ == "__main__":
    main()
