#!/usr/bin/env python3
"""Opens pages in a headless Chromium and looks at them as a reader would.

    check.py [--shots FOLDER] [--expect-problems] PAGE…

Each page is loaded at 800 and at 1,600 pixels, in light and in dark, and printed.  It must not be
wider than the window, every text must stand out from what is behind it by 4.5 to 1, nothing may be
written to the console, and nothing may be asked from the network.  The browser is spoken to by its
DevTools protocol over a pipe, with nothing but the standard library.
"""

import argparse
import base64
import json
import os
import pathlib
import select
import shutil
import subprocess
import sys
import tempfile
import time

WIDTHS = (800, 1600)
SCHEMES = ("light", "dark")
LEAST_CONTRAST = 4.5
# A piece of each kind of problem, for a page that has them all.
KINDS = ("the page is", "contrast", "leaves its picture", "is drawn over", "leads to", "leads nowhere",
         "there is a script", "console", "asks for", "is not dark")
# The longest a command may take, in seconds.
PATIENCE = 60

# Everything is measured in the page: what a text is drawn with and over, and how far it reaches.
MEASURE = r"""
(() => {
  const problems = [];
  const root = document.documentElement;
  const width = root.clientWidth;
  if (root.scrollWidth > width) problems.push(`the page is ${root.scrollWidth} wide in a window of ${width}`);
  const channel = v => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; };
  const luminance = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const colour = text => {
    const m = /^rgba?\(([^)]+)\)$/.exec(text);
    if (!m) return null;
    const parts = m[1].split(/[ ,/]+/).map(Number);
    return parts.length > 3 && parts[3] === 0 ? null : parts.slice(0, 3);
  };
  const behind = element => {
    for (let at = element; at; at = at.parentElement) {
      const found = colour(getComputedStyle(at).backgroundColor);
      if (found) return found;
    }
    return colour(getComputedStyle(document.body).backgroundColor);
  };
  // What is drawn below a text of a picture: the last filled shape before it that holds its middle.
  const below = text => {
    const box = text.getBBox();
    const svg = text.ownerSVGElement;
    let found = behind(svg);
    for (const shape of svg.querySelectorAll('rect')) {
      if (!(shape.compareDocumentPosition(text) & Node.DOCUMENT_POSITION_FOLLOWING)) continue;
      const of = shape.getBBox();
      const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
      if (x >= of.x && x <= of.x + of.width && y >= of.y && y <= of.y + of.height) {
        found = colour(getComputedStyle(shape).fill) || found;
      }
    }
    return found;
  };
  let least = Infinity, texts = 0;
  const judge = (front, back, text) => {
    const [a, b] = [luminance(front), luminance(back)];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    least = Math.min(least, ratio);
    texts += 1;
    if (ratio < LEAST) problems.push(`contrast ${ratio.toFixed(2)} of "${text.slice(0, 40)}"`);
  };
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const node = walk.currentNode;
    const text = node.textContent.trim();
    const element = node.parentElement;
    if (!text || element.closest('svg')) continue;
    judge(colour(getComputedStyle(element).color), behind(element), text);
    const range = document.createRange();
    range.selectNodeContents(node);
    const box = element.closest('.box');
    if (element.closest('.hidden')) continue;
    for (const rect of range.getClientRects()) {
      if (!box && rect.right > width + 0.5) problems.push(`"${text.slice(0, 40)}" reaches to ${rect.right}`);
    }
  }
  for (const svg of document.querySelectorAll('svg')) {
    const view = svg.viewBox.baseVal;
    const drawn = [];
    for (const text of svg.querySelectorAll('text')) {
      judge(colour(getComputedStyle(text).fill), below(text), text.textContent);
      const box = text.getBBox();
      if (box.x < view.x - 0.5 || box.x + box.width > view.x + view.width + 0.5 || box.y + box.height > view.height + 0.5) {
        problems.push(`"${text.textContent.slice(0, 60)}" leaves its picture`);
      }
      for (const [other, words] of drawn) {
        const over = Math.min(box.x + box.width, other.x + other.width) - Math.max(box.x, other.x);
        const down = Math.min(box.y + box.height, other.y + other.height) - Math.max(box.y, other.y);
        if (over > 1 && down > 4) problems.push(`"${text.textContent.slice(0, 40)}" is drawn over "${words.slice(0, 40)}"`);
      }
      drawn.push([box, text.textContent]);
    }
  }
  for (const attribute of ['src', 'href']) {
    for (const element of document.querySelectorAll(`[${attribute}]`)) {
      const to = element.getAttribute(attribute);
      if (!to.startsWith('#')) problems.push(`${attribute} leads to ${to}`);
      else if (!document.getElementById(to.slice(1))) problems.push(`${to} leads nowhere`);
    }
  }
  if (document.scripts.length) problems.push('there is a script');
  const back = luminance(colour(getComputedStyle(document.body).backgroundColor));
  return { problems, least, texts, dark: back < 0.2, height: root.scrollHeight };
})()
""".replace("LEAST", str(LEAST_CONTRAST))


class Browser:
    """A headless Chromium of one's own, with a profile that is thrown away."""

    def __init__(self, program):
        self.profile = tempfile.mkdtemp(prefix="longstop-browser-")
        theirs_in, self.writing = os.pipe()
        self.reading, theirs_out = os.pipe()

        def hand_over():
            # The browser reads from 3 and writes to 4; the copies above keep clear of both.
            into, out = os.dup(theirs_in), os.dup(theirs_out)
            os.dup2(into, 3)
            os.dup2(out, 4)

        command = [
            program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
            "--no-first-run", "--no-default-browser-check", "--disable-background-networking",
            "--disable-component-update", "--disable-sync", "--remote-debugging-pipe",
            f"--user-data-dir={self.profile}", "about:blank",
        ]
        self.process = subprocess.Popen(
            command, preexec_fn=hand_over, close_fds=False,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        os.close(theirs_in)
        os.close(theirs_out)
        self.rest = b""
        self.number = 0
        self.events = []
        self.session = None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method, **params):
        """The result of a command.  What happens meanwhile is kept in `events`."""
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.writing, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.message(method)
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
            self.events.append(answer)

    def until(self, event):
        """Waits until an event has come."""
        while not any(seen.get("method") == event for seen in self.events):
            self.events.append(self.message(event))

    def message(self, waiting_for):
        end = time.monotonic() + PATIENCE
        while b"\0" not in self.rest:
            ready, _, _ = select.select([self.reading], [], [], max(0, end - time.monotonic()))
            part = os.read(self.reading, 1 << 16) if ready else b""
            if not part:
                raise RuntimeError(f"the browser says nothing to {waiting_for}")
            self.rest += part
        message, self.rest = self.rest.split(b"\0", 1)
        return json.loads(message)

    def close(self):
        self.process.terminate()
        self.process.wait(timeout=PATIENCE)
        os.close(self.writing)
        os.close(self.reading)
        shutil.rmtree(self.profile, ignore_errors=True)


def happened(events, page):
    """What a page that needs nothing does not do."""
    for event in events:
        method, params = event.get("method"), event.get("params", {})
        if method == "Runtime.consoleAPICalled":
            yield f"console: {params['args']}"
        elif method == "Runtime.exceptionThrown":
            yield f"exception: {params['exceptionDetails'].get('text')}"
        elif method == "Log.entryAdded":
            yield f"console: {params['entry']['text']}"
        elif method == "Network.requestWillBeSent":
            url = params["request"]["url"]
            if url.split("#")[0] != page:
                yield f"asks for {url}"


def check(browser, path, shots):
    page = path.resolve().as_uri()
    problems, least, texts = [], float("inf"), 0
    for width in WIDTHS:
        for scheme in SCHEMES:
            where = f"{path.stem} at {width}, {scheme}"
            browser.events.clear()
            browser.call("Emulation.setDeviceMetricsOverride",
                         width=width, height=1000, deviceScaleFactor=1, mobile=False)
            browser.call("Emulation.setEmulatedMedia", media="screen",
                         features=[{"name": "prefers-color-scheme", "value": scheme}])
            browser.call("Page.navigate", url=page)
            browser.until("Page.loadEventFired")
            result = browser.call("Runtime.evaluate", expression=MEASURE, returnByValue=True)
            if "exceptionDetails" in result:
                raise RuntimeError(f"{where}: {result['exceptionDetails']}")
            found = result["result"]["value"]
            problems += [f"{where}: {problem}" for problem in found["problems"]]
            if found["dark"] != (scheme == "dark"):
                problems.append(f"{where}: the page is not {scheme}")
            if not found["texts"]:
                problems.append(f"{where}: there is no text")
            least, texts = min(least, found["least"]), found["texts"]
            problems += [f"{where}: {what}" for what in happened(browser.events, page)]
            if shots:
                clip = {"x": 0, "y": 0, "width": width, "height": found["height"], "scale": 1}
                image = browser.call("Page.captureScreenshot", clip=clip, captureBeyondViewport=True)
                (shots / f"{path.stem}-{width}-{scheme}.png").write_bytes(base64.b64decode(image["data"]))
    printed = browser.call("Page.printToPDF", preferCSSPageSize=True, printBackground=False)
    if shots:
        (shots / f"{path.stem}.pdf").write_bytes(base64.b64decode(printed["data"]))
    return problems, least, texts


def main():
    parser = argparse.ArgumentParser(description="opens pages in a headless browser")
    parser.add_argument("--shots", type=pathlib.Path, help="keep pictures of the pages here")
    parser.add_argument("pages", nargs="+", type=pathlib.Path)
    parser.add_argument("--expect-problems", action="store_true",
                        help="fail unless each page has every kind of problem")
    args = parser.parse_args()
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if not program:
        sys.exit("there is no chromium: apt-get install chromium")
    if args.shots:
        args.shots.mkdir(parents=True, exist_ok=True)
    browser = Browser(program)
    failed = False
    try:
        for path in args.pages:
            problems, least, texts = check(browser, path, args.shots)
            if args.expect_problems:
                missing = [kind for kind in KINDS if not any(kind in one for one in problems)]
                failed |= bool(missing)
                print(f"{path.stem}: not found: {', '.join(missing)}" if missing else f"{path.stem}: every kind of problem found")
                continue
            for problem in problems:
                print(problem)
            failed |= bool(problems)
            verdict = f"{len(problems)} problems" if problems else "ok"
            print(f"{path.stem}: {verdict}, {texts} texts, least contrast {least:.2f}")
    finally:
        browser.close()
    sys.exit(failed)


if __name__ == "__main__":
    main()
