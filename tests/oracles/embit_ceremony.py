"""Signs PSBT files for parties with embit, which shares no code with us.

    python embit_ceremony.py PARTY IN OUT [IN OUT ...]

The party's keys are stand-ins, whose master key is computed here again.  Each file is read, signed and
written by embit alone.
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


def main():
    party, names = sys.argv[1], sys.argv[2:]
    seed = tagged(b"longstop/stand-in", struct.pack("<Q", 0) + party.encode())
    root = HDKey.from_seed(seed, version=NETWORKS["regtest"]["xprv"])
    for source, target in zip(names[::2], names[1::2]):
        psbt = PSBT.parse(Path(source).read_bytes())
        if not psbt.sign_with(root):
            raise SystemExit(f"{source}: {party} signed nothing")
        Path(target).write_bytes(psbt.serialize())
    print(f"embit {version('embit')}: {len(names) // 2} files signed by {party}")


main()
