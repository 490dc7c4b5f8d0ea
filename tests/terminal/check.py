#!/usr/bin/env python3
"""Sits at a terminal and does what a person does there.

    check.py LONGSTOP

Passphrases and tokens are typed and not echoed, a payment is confirmed by typing amount and
destination, and QR codes end with a key and give the terminal back.  The terminal is a real one to
the program (a pseudo-terminal); nothing but the standard library is used.
"""

import fcntl
import json
import os
import pathlib
import pty
import re
import select
import struct
import subprocess
import sys
import tempfile
import termios
import time

PATIENCE = 60
PASSPHRASE = "horse battery staple"
PAYEE = "bcrt1qqurswpc8qurswpc8qurswpc8qurswpc8qurswpc8qurswpc8qursq2j8q4"

POLICY = """
[policy]
name = "pair"
network = "regtest"
script = "tr"
{parties}
[quorums]
pair = {{ threshold = 2, of = ["ann", "ben"] }}
helper = {{ threshold = 1, of = ["cat"] }}

[root]
quorum = "pair"
refresh = "10 blocks"

[[path]]
name = "dead-man"
quorum = "helper"
delay = "400 blocks"

[lints]
LS0503 = "a test does not wait for long"
"""


class Desk:
    def __init__(self, longstop, folder):
        self.longstop = longstop
        self.folder = folder
        self.environment = {
            **os.environ,
            "LONGSTOP_STATE": str(folder / "state"),
            "LONGSTOP_BACKEND": "embedded:chain",
            "TERM": "xterm-256color",
        }
        self.environment.pop("NO_COLOR", None)

    def run(self, *arguments, code=0):
        """Runs a command without a terminal, and gives its result."""
        done = subprocess.run(
            [self.longstop, *arguments, "--json"], cwd=self.folder, env=self.environment,
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE)
        expect(done.returncode == code, f"{arguments} ends with {done.returncode}: {done.stderr}")
        return json.loads(done.stdout)

    def at_terminal(self, arguments, script, size=(60, 200)):
        """Runs a command at a terminal: waits for each text of the script, and types what follows it.

        Gives all that was shown, the exit code, and whether the terminal is as it was.
        """
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
        before = termios.tcgetattr(slave)
        process = subprocess.Popen(
            [self.longstop, *arguments], cwd=self.folder, env=self.environment, stdin=slave,
            stdout=slave, stderr=slave, start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        shown, since, script = b"", 0, list(script)
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            ready, _, _ = select.select([master], [], [], 0.05)
            if ready:
                try:
                    shown += os.read(master, 1 << 16)
                except OSError:
                    break
            if script and script[0][0].encode() in shown[since:]:
                # Whoever reads what is typed has to be there first.
                time.sleep(0.2)
                since = len(shown)
                os.write(master, script.pop(0)[1].encode())
            if not ready and process.poll() is not None:
                break
        else:
            process.kill()
        code = process.wait()
        is_as_before = termios.tcgetattr(slave) == before
        # The cursor is there too.
        is_as_before &= shown.rfind(b"\x1b[?25l") <= shown.rfind(b"\x1b[?25h")
        os.close(slave)
        os.close(master)
        text = re.sub(rb"\x1b\[[0-9;?]*[A-Za-z]", b"", shown).decode(errors="replace")
        expect(not script, f"{arguments} never asked {script}: {text}")
        return text, code, is_as_before


def expect(holds, otherwise):
    if not holds:
        sys.exit(f"wrong: {otherwise}")


def seeds(desk):
    """Makes a seed for each party, with a passphrase that is typed, and the policy of their keys."""
    parties = ""
    for name in ["ann", "ben", "cat"]:
        asked = [("a new passphrase", PASSPHRASE + "\r"), ("the same once more", PASSPHRASE + "\r")]
        arguments = ["signer", "new", "--name", name, "--output", f"{name}.seed"]
        text, code, _ = desk.at_terminal(arguments, asked)
        expect(code == 0, f"no seed is made: {text}")
        expect("horse" not in text, f"a passphrase is shown: {text}")
        shown = desk.run("signer", "show", f"{name}.seed", "--passphrase-file", "passphrase")
        keys = {account["for"]: account["key"] for account in shown["accounts"]}
        parties += f'\n[parties.{name}]\nkey = "{keys["key"]}"\n'
    (desk.folder / "policy.toml").write_text(POLICY.format(parties=parties))


def tokens(desk):
    """The token of an encrypted record is typed and not echoed."""
    vectors = pathlib.Path(__file__).parent.parent / "vectors/bips/bip-0129-test-vectors.txt"
    standard = vectors.read_text().split("<tt>STANDARD</tt>")[1]
    token = re.search(r"TOKEN \(hex\): ([0-9a-f]+)", standard).group(1)
    sealed = re.search(r"my_multisig_wallet.dat</tt>: <pre>([0-9a-f]+)", standard).group(1)
    (desk.folder / "record.dat").write_text(sealed + "\n")
    asked = [("the token of record.dat", token + "\r")]
    text, code, _ = desk.at_terminal(["import", "record.dat"], asked)
    expect(code == 0 and "[policy]" in text, f"it is not imported: {text}")
    expect(token not in text, f"a token is shown: {text}")
    asked = [("the token of record.dat", token[:-1] + "\r")]
    text, code, _ = desk.at_terminal(["import", "record.dat"], asked)
    expect(code == 3 and "16 or 32" in text, f"a short token ends with {code}: {text}")


def confirmations(desk):
    """A payment goes nowhere unless just its amount and destination are typed."""
    desk.run("vault", "create", "vault", "policy.toml")
    address = desk.run("vault", "address", "vault", "--force")["address"]
    mined = desk.run("chain", "mine", "chain", "--pay", f"{address}:1000000")
    coin = mined["paid"][0]["outpoint"]
    spend = ["spend", "vault", "--coin", coin, "--pay", f"{PAYEE}=300000"]
    plan = desk.run(*spend, "--dry-run")
    right = plan["confirmation"]
    expect(right == f"0.003 BTC to {PAYEE}", f"it asks for {right}")
    key = ["--key", "ann.seed"]
    question = f"to go on, type: {right}"
    passphrase = ("the passphrase", PASSPHRASE + "\r")
    for typed, why in [
        ("0.03 BTC to " + PAYEE + "\r", "another amount"),
        ("0.003 BTC to " + PAYEE[:-1] + "5\r", "another destination"),
        ("yes\r", "another word"),
        ("\r", "nothing"),
        ("\x03", "an interrupt"),
    ]:
        text, code, _ = desk.at_terminal(spend + key, [passphrase, (question, typed)])
        expect(code not in (0, 6), f"{why} is taken for a confirmation: {text}")
        status = desk.run("sos", "status", "vault")
        expect(status["operations"] == [], f"{why} left something behind: {status}")
    text, code, _ = desk.at_terminal(spend + key, [("the passphrase", "another one\r")])
    expect(code == 3, f"a wrong passphrase ends with {code}: {text}")
    text, code, as_before = desk.at_terminal(spend + key, [passphrase, (question, right + "\r")])
    expect(code == 6, f"what is right ends with {code}: {text}")
    expect("horse" not in text, f"a passphrase is shown: {text}")
    expect(as_before, "the terminal is not as it was")
    status = desk.run("sos", "status", "vault")
    expect(status["operations"][0]["approved"], f"it is not approved: {status}")
    # What is confirmed is not asked for again, and another passphrase completes it.
    resume = ["sos", "resume", "vault", "--key", "ben.seed"]
    text, code, _ = desk.at_terminal(resume, [passphrase])
    expect(code == 0, f"it is not sent: {text}")
    expect("to go on" not in text, f"it is asked for again: {text}")
    # A payment in a file is confirmed by its amount and its destination, one after the other.
    change = desk.run("chain", "mine", "chain", "--blocks", "1")
    expect(change["mined"][0]["confirmed"], f"it is not mined: {change}")
    [rest] = [one for one in desk.run("vault", "coins", "vault")["coins"] if one["standing"] == "unspent"]
    again = ["spend", "vault", "--coin", rest["outpoint"], "--pay", f"{PAYEE}=200000"]
    desk.run(*again, "--confirm", f"0.002 BTC to {PAYEE}", "--psbt-out", "spend.psbt", code=6)
    sign = ["psbt", "sign", "policy.toml", "spend.psbt", "--key", "ann.seed", "--output"]
    asked = [passphrase, ("type the amount", "200001\r"), ("type `200000`", "\x03")]
    text, code, _ = desk.at_terminal(sign + ["no.psbt"], asked)
    expect(code != 0 and not (desk.folder / "no.psbt").exists(), f"it is signed: {text}")
    asked = [passphrase, ("type the amount", "200000\r"), ("type the destination", PAYEE + "\r")]
    text, code, _ = desk.at_terminal(sign + ["yes.psbt"], asked)
    expect(code == 0 and (desk.folder / "yes.psbt").exists(), f"it is not signed: {text}")


def codes(desk):
    """QR codes are shown until a key is pressed or for so many rounds, and the terminal comes back."""
    show = ["psbt", "show", "policy.toml", "spend.psbt", "--qr"]
    for form, name, key in [("bbqr", "BBQr", "x"), ("ur", "UR", "\x03"), ("ur", "UR", "\x1b")]:
        text, code, as_before = desk.at_terminal(show + [form], [(f"{name} frame 2 of", key)])
        expect(code == 0, f"codes end with {code}: {text[-500:]}")
        expect(as_before, f"{key!r} leaves the terminal as it is")
        expect("█" in text, "no code is drawn")
    once = show + ["bbqr", "--loops", "1", "--interval", "50"]
    text, code, as_before = desk.at_terminal(once, [])
    count = int(re.search(r"BBQr frame 1 of (\d+)", text).group(1))
    expect(code == 0 and as_before, f"one round ends with {code}")
    for number in range(1, count + 1):
        expect(f"frame {number} of {count}" in text, f"frame {number} is not shown")
    text, code, _ = desk.at_terminal(show + ["ur", "--qr-version", "20"], [], (24, 80))
    expect(code == 2 and "has room for version" in text, f"{code}: {text}")
    text, code, _ = desk.at_terminal(show + ["ur"], [], (8, 30))
    expect(code == 2 and "too small for any code" in text, f"{code}: {text}")


def questions(desk):
    """An interrupt in a menu of `new` ends it, and the cursor is back."""
    text, code, as_before = desk.at_terminal(
        ["new"], [("Name of the policy", "mine\r"), ("inheritance", "\x03")])
    expect(code == 130, f"an interrupt ends questions with {code}: {text}")
    expect(as_before, "an interrupt leaves the terminal as it is")


def main():
    longstop = os.path.abspath(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        desk = Desk(longstop, folder)
        secret = folder / "passphrase"
        secret.touch(mode=0o600)
        secret.write_text(PASSPHRASE + "\n")
        tokens(desk)
        seeds(desk)
        confirmations(desk)
        codes(desk)
        questions(desk)
    print("passphrases, tokens, confirmations and codes are as they should be at a terminal")


main()
