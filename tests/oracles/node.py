"""A Bitcoin Core node of its own, on a chain of its own, that talks to nobody."""

import base64
import http.client
import json
import pathlib
import socket
import subprocess
import time

# Calls in one request.
BATCH = 100


class Refused(Exception):
    """What the node says instead of a result."""

    def __init__(self, error):
        super().__init__(error["message"])
        self.code = error["code"]


class Node:
    def __init__(self, folder, data, *more):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.cookie = pathlib.Path(data, "regtest", ".cookie")
        self.cookie.unlink(missing_ok=True)
        usual = ["-regtest", f"-datadir={data}", f"-rpcport={self.port}", "-listen=0", "-connect=0", "-printtoconsole=0"]
        self.process = subprocess.Popen([pathlib.Path(folder, "bitcoind"), *usual, *more])
        self.connection = None

    def wait(self):
        for _ in range(1200):
            if self.process.poll() is not None:
                raise SystemExit("the node does not start")
            try:
                # While it warms up, a node answers everything with an error.
                if self.cookie.exists() and self.batch([("getblockcount", [])])[0][1] is None:
                    return self
            except (OSError, http.client.HTTPException, ValueError):
                self.connection = None
            time.sleep(0.05)
        raise SystemExit("the node does not answer")

    def call(self, method, *params):
        """The result of a call; raises what the node says instead."""
        result, error = self.batch([(method, params)])[0]
        if error is not None:
            raise Refused(error)
        return result

    def batch(self, calls):
        """Result and error of each call, in order."""
        answers = []
        for start in range(0, len(calls), BATCH):
            some = calls[start : start + BATCH]
            request = [{"id": at, "method": method, "params": params} for at, (method, params) in enumerate(some)]
            if self.connection is None:
                self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=600)
            login = base64.b64encode(self.cookie.read_bytes().strip()).decode()
            self.connection.request("POST", "/", json.dumps(request), {"Authorization": f"Basic {login}"})
            answer = json.loads(self.connection.getresponse().read())
            answer.sort(key=lambda entry: entry["id"])
            answers.extend((entry["result"], entry["error"]) for entry in answer)
        return answers

    def stop(self):
        if self.connection is not None:
            self.connection.close()
        self.process.terminate()
        self.process.wait(60)
