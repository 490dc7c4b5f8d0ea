"""Verifies our events with libsodium and a reader of its own, which share no code with us.

    python events_check.py VECTORS
    python events_check.py --ledger FILE [IDENTITY...]

VECTORS is the folder `tests/vectors/events`: each `KIND.json` must be an event, all of them
together one story in which everything that is named was told before, and each line of
`refused.jsonl` must be refused.  FILE holds events, one envelope to a line, as
`longstop ledger export` writes them; with identities (public keys), nobody else may have signed.
"""

import base64
import binascii
import hashlib
import json
import re
import sys
import unicodedata
from importlib.metadata import version
from pathlib import Path

from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey

PREFIX = "application/vnd.longstop.event."
SUFFIX = ".v1+json"
ATTESTATION = "application/vnd.longstop.attestation.v1+json"
NETWORKS = ("bitcoin", "testnet4", "signet", "regtest")
MAX_SEEN = 256
P = 2**255 - 19


class Wrong(Exception):
    """What is wrong about an event."""


def demand(holds, what):
    if not holds:
        raise Wrong(what)


# --- JSON in one form ---------------------------------------------------------------------------


def pairs(found):
    demand(len(dict(found)) == len(found), "a field stands twice")
    return dict(found)


def refuse(number):
    raise Wrong(f"{number} is no whole number")


def read_json(text):
    try:
        return json.loads(text, object_pairs_hook=pairs, parse_float=refuse, parse_constant=refuse)
    except ValueError as error:
        raise Wrong(f"no JSON: {error}") from None


def fields(value, required, optional=()):
    """An object with these fields in this order; the optional ones stand where they are named."""
    demand(isinstance(value, dict), "no object")
    expected = [name for name in required if name not in optional or name in value]
    demand(list(value) == expected, f"the fields are {list(value)}")


# --- values -------------------------------------------------------------------------------------


def digest(value):
    demand(isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value), f"no digest: {value!r}")


def number(value):
    demand(type(value) is int and 0 <= value < 2**32, f"no number: {value!r}")


def text(value):
    demand(isinstance(value, str), "no text")


def boolean(value):
    demand(isinstance(value, bool), "neither true nor false")


def why(value):
    text(value)
    demand(1 <= len(value) <= 500 and value.strip() == value, "no plain reason")
    hidden = [c for c in value if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")]
    demand(not hidden, "a reason with characters that are not drawn")


def coin(value):
    text(value)
    demand(re.fullmatch(r"[0-9a-f]{64}:(0|[1-9][0-9]{0,9})", value), "no outpoint")


def key(value):
    """A public key in its one encoding, and not of small order (RFC 8032, section 5.1.3)."""
    digest(value)
    encoded = int.from_bytes(bytes.fromhex(value), "little")
    sign, y = encoded >> 255, encoded & (2**255 - 1)
    demand(y < P, "a key in another encoding than its own")
    d = -121665 * pow(121666, -1, P) % P
    x2 = (y * y - 1) * pow(d * y * y + 1, -1, P) % P
    x = pow(x2, (P + 3) // 8, P)
    if x * x % P != x2:
        x = x * pow(2, (P - 1) // 4, P) % P
    demand(x * x % P == x2, "a key that is no point")
    demand(x != 0 or sign == 0, "a key in another encoding than its own")
    for _ in range(3):
        # Doubling on −x² + y² = 1 + dx²y².
        cross = d * x * x * y * y
        x, y = 2 * x * y * pow(1 + cross, -1, P) % P, (y * y + x * x) * pow(1 - cross, -1, P) % P
    demand((x, y) != (0, 1), "a key of small order")


def optional_key(value):
    if value is not None:
        key(value)


# --- what each kind says ------------------------------------------------------------------------


def attestation(value):
    text(value)
    payload_type, payload, _ = envelope(value)
    demand(payload_type == ATTESTATION, "no attestation")
    one_form(payload)
    demand(value == json.dumps(read_json(value), separators=(",", ":")), "an attestation in another form")


def descriptors(value):
    demand(isinstance(value, list) and len(value) <= 1000, "no list of descriptors")
    for descriptor in value:
        text(descriptor)


def judgement(value):
    fields(value, ["rule", "facts", "allow", "why", "rule_sha256", "facts_sha256", "interpreter"])
    for name in ("rule", "interpreter"):
        text(value[name])
    demand(len(value["rule"].encode()) <= 1 << 16, "a rule that is too long")
    demand(isinstance(value["facts"], dict), "no facts")
    boolean(value["allow"])
    why(value["why"])
    digest(value["rule_sha256"])
    digest(value["facts_sha256"])


def payees(value):
    demand(isinstance(value, list) and len(value) <= 1000, "no list of payees")
    for payee in value:
        fields(payee, ["address", "amount"])
        text(payee["address"])
        demand(type(payee["amount"]) is int and 0 <= payee["amount"] <= 21_000_000 * 10**8, "no amount")


def outcome(value):
    demand(value in ("completed", "abandoned"), "no outcome")


ARMING = {"coin": coin, "path": text, "file": digest}
BODIES = {
    "heartbeat": {},
    "attestation": {"envelope": attestation},
    "ratification": {"descriptors": descriptors, "first_address": text},
    "alarm": {"path": text, "why": why},
    "withdrawal": {"alarm": digest},
    "proposal": {"path": text, "why": why},
    "ballot": {"case": digest, "approve": boolean},
    "activation": {"case": digest, "judgement": judgement},
    "veto": {"case": digest, "why": why},
    "acknowledgement": ARMING,
    "arming": ARMING,
    "spend-intent": {"case": digest, "payees": payees, "purpose": why},
    "decision": {"case": digest, "outcome": outcome, "why": why},
    "rotation": {"party": text, "replaces": key, "identity": optional_key, "why": why},
}
OPTIONAL = {"alarm": ["path"], "activation": ["judgement"]}
HEADER = ["policy", "network", "author", "previous", "seen", "height", "median_time_past", "expires", "body"]


# --- the envelope -------------------------------------------------------------------------------


def decode(value):
    text(value)
    try:
        decoded = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise Wrong("no base64") from None
    demand(base64.b64encode(decoded).decode() == value, "base64 in another form")
    return decoded


def pre_authentication(payload_type, payload):
    kind = payload_type.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def envelope(line):
    """Type, payload and signers; all signatures are right."""
    outer = read_json(line)
    demand(isinstance(outer, dict), "no envelope")
    demand(set(outer) == {"payload", "payloadType", "signatures"}, "no envelope")
    payload_type, signatures = outer["payloadType"], outer["signatures"]
    text(payload_type)
    payload = decode(outer["payload"])
    demand(isinstance(signatures, list) and signatures, "no signature")
    signers = []
    for signature in signatures:
        demand(isinstance(signature, dict) and set(signature) == {"keyid", "sig"}, "no signature")
        key(signature["keyid"])
        demand(signature["keyid"] not in signers, "a key that signs twice")
        signed = decode(signature["sig"])
        demand(len(signed) == 64, "no signature")
        try:
            verifier = VerifyKey(bytes.fromhex(signature["keyid"]))
            verifier.verify(pre_authentication(payload_type, payload), signed)
        except BadSignatureError:
            raise Wrong("a signature that does not hold") from None
        signers.append(signature["keyid"])
    return payload_type, payload, signers


def one_form(payload):
    """The value of a payload that is JSON as it is written: no spaces, and nothing spelled out."""
    try:
        written = payload.decode()
    except UnicodeDecodeError:
        raise Wrong("no text") from None
    value = read_json(written)
    again = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    demand(again == written, "a payload in another form")
    return value


def event(line):
    """An event: its id, its kind, its signer and its payload."""
    payload_type, payload, signers = envelope(line)
    demand(len(signers) == 1, f"{len(signers)} signatures")
    demand(payload_type.startswith(PREFIX) and payload_type.endswith(SUFFIX), "no type of an event")
    kind = payload_type[len(PREFIX) : -len(SUFFIX)]
    demand(kind in BODIES, f"no kind: {kind}")
    value = one_form(payload)
    fields(value, HEADER, ["expires"])
    digest(value["policy"])
    demand(value["network"] in NETWORKS, "no network")
    text(value["author"])
    demand(isinstance(value["seen"], list) and len(value["seen"]) <= MAX_SEEN, "no list of heads")
    for name in value["seen"] + [value["previous"]] * (value["previous"] is not None):
        digest(name)
    demand(value["seen"] == sorted(set(value["seen"])), "heads out of order")
    demand(value["previous"] not in value["seen"], "his own event among those seen")
    number(value["height"])
    number(value["median_time_past"])
    if "expires" in value:
        number(value["expires"])
        demand(value["expires"] > value["median_time_past"], "over before it begins")
    body = BODIES[kind]
    fields(value["body"], list(body), OPTIONAL.get(kind, ()))
    for name, said in value["body"].items():
        body[name](said)
    id_ = hashlib.sha256(pre_authentication(payload_type, payload)).hexdigest()
    return id_, kind, signers[0], value


# --- many events --------------------------------------------------------------------------------


def told(lines):
    """Events in an order in which everything that one names stands before it."""
    known = {}
    for place, line in enumerate(lines):
        try:
            id_, kind, signer, value = event(line)
            for named in value["seen"] + [value["previous"]] * (value["previous"] is not None):
                demand(named in known, f"names {named}, which is not before it")
                before = known[named][1]
                demand(before["median_time_past"] <= value["median_time_past"], "earlier than what it has seen")
            if value["previous"] is not None:
                demand(known[value["previous"]][1]["author"] == value["author"], "somebody else's previous event")
            for _, other in known.values():
                demand(other["policy"] == value["policy"], "another policy")
                demand(other["network"] == value["network"], "another network")
                break
        except Wrong as wrong:
            raise Wrong(f"event {place}: {wrong}") from None
        known[id_] = (signer, value)
    return known


def check_vectors(folder):
    vectors = [json.loads(path.read_text()) for path in folder.glob("*.json")]
    vectors.sort(key=lambda vector: vector["place"])
    demand({vector["kind"] for vector in vectors} == set(BODIES), "not one of each kind")
    for vector in vectors:
        id_, kind, signer, _ = event(vector["envelope"])
        demand((id_, kind, signer) == (vector["id"], vector["kind"], vector["signer"]), vector["kind"])
        payload = decode(json.loads(vector["envelope"])["payload"]).decode()
        demand(payload == vector["payload"], f"{vector['kind']}: another payload")
    told(vector["envelope"] for vector in vectors)
    refused = [json.loads(line) for line in (folder / "refused.jsonl").read_text().splitlines()]
    for line in refused:
        try:
            event(line["envelope"])
        except Wrong:
            continue
        raise Wrong(f"taken for an event: {line['wrong']}")
    # A check that refuses everything would refuse these as well.
    demand(len(refused) >= 50, "too few that are wrong")
    return f"{len(vectors)} events are right, {len(refused)} are refused"


def check_ledger(file, identities):
    known = told(Path(file).read_text().splitlines())
    for id_, (signer, value) in known.items():
        demand(not identities or signer in identities, f"{id_} of {value['author']} is signed by {signer}")
    return f"{len(known)} events are right"


def main():
    library = f"libsodium through PyNaCl {version('pynacl')}"
    try:
        match sys.argv[1:]:
            case ["--ledger", file, *identities]:
                print(f"{library}: {check_ledger(file, identities)}")
            case [folder]:
                print(f"{library}: {check_vectors(Path(folder))}")
            case _:
                sys.exit(__doc__)
    except Wrong as wrong:
        sys.exit(f"{library}: {wrong}")


if __name__ == "__main__":
    main()
