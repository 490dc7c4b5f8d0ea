"""Answers challenges for the keys of a party with embit, which shares no code with us.

    python embit_sign.py FOLDER PARTY

FOLDER is what `longstop keys challenge` writes.  The party's keys are stand-ins, whose master key is
computed here again.  Before a file is signed, it must be what BIP-322 makes of the statement; it is
signed in place, for `longstop keys check` to verify.
"""

import hashlib
import struct
import sys
from importlib.metadata import version
from pathlib import Path

from embit.bip32 import HDKey
from embit.networks import NETWORKS
from embit.psbt import PSBT


def tagged(tag, message):
    """The tagged hash of BIP-340."""
    tag = hashlib.sha256(tag).digest()
    return hashlib.sha256(tag + tag + message).digest()


def virtual_id(message, script):
    """The id of the transaction that commits to a message and a script, byte by byte."""
    script_sig = b"\x00\x20" + tagged(b"BIP0322-signed-message", message)
    source = b"\x00" * 32 + struct.pack("<I", 0xFFFFFFFF) + bytes([len(script_sig)]) + script_sig + b"\x00" * 4
    output = struct.pack("<q", 0) + bytes([len(script)]) + script
    raw = struct.pack("<i", 0) + b"\x01" + source + b"\x01" + output + struct.pack("<I", 0)
    return hashlib.sha256(hashlib.sha256(raw).digest()).digest()[::-1]


def main():
    folder, party = Path(sys.argv[1]), sys.argv[2]
    seed = tagged(b"longstop/stand-in", struct.pack("<Q", 0) + party.encode())
    root = HDKey.from_seed(seed, version=NETWORKS["regtest"]["xprv"])
    message = (folder / "statement.txt").read_bytes()
    signatures = 0
    files = sorted(folder.glob("*.psbt"))
    for file in files:
        psbt = PSBT.parse(file.read_bytes())
        spent = psbt.tx.vin[0]
        script = psbt.inputs[0].witness_utxo.script_pubkey.data
        if (spent.txid, spent.vout) != (virtual_id(message, script), 0) or psbt.unknown.get(b"\x09") != message:
            raise SystemExit(f"{file} is no challenge of this statement")
        signatures += psbt.sign_with(root)
        file.write_bytes(psbt.serialize())
    if not signatures:
        raise SystemExit(f"{folder}: nothing was signed")
    print(f"embit {version('embit')}: {len(files)} challenges of {party} signed with {signatures} keys")


main()
