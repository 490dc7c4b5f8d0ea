#!/usr/bin/env bash
# A whole ceremony by files in which every signature is another implementation's: a round of arming, the
# trigger of the agents and the cancel of the veto holders, for a policy of each script type.
#
#     ceremony.sh LONGSTOP PYTHON...
#
# LONGSTOP is the program; PYTHON the command that runs a script with embit.
set -euo pipefail
cd "$(dirname "$0")/../.."
longstop=$1
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# signed PARTY FOLDER: what embit makes of every PSBT in a folder
signed() {
    local file pairs=()
    for file in "$2"/*.psbt; do
        pairs+=("$file" "$file.signed")
    done
    "${python[@]}" tests/oracles/embit_ceremony.py "$1" "${pairs[@]}" </dev/null
}

# field NAME: a field of a JSON document
field() {
    python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"
}

python=("$@")
for script in tr wsh; do
    policy=policies/dao-treasury/policy.toml
    [[ $script == tr ]] || policy=policies/dao-treasury-wsh/policy.toml
    here=$work/$script
    mkdir "$here"
    python3 - "tests/vectors/ceremony/$script-round.json" "$here" <<'PYTHON'
import json, sys
from pathlib import Path
coin = json.loads(Path(sys.argv[1]).read_text())["armings"][0]["coin"]
Path(sys.argv[2], "deposit.hex").write_text(coin["source"])
Path(sys.argv[2], "coin").write_text(coin["outpoint"])
PYTHON
    "$longstop" arm start "$policy" --coin "$(cat "$here/coin")" --tx "$here/deposit.hex" --path sos \
        --output "$here/round.json" >/dev/null 2>&1
    for step in files triggers; do
        for party in alice bob carol; do
            folder=$here/$step-$party
            "$longstop" arm sign "$policy" "$here/round.json" --party "$party" --write "$folder" >/dev/null 2>&1
            signed "$party" "$folder"
            "$longstop" arm add "$policy" "$here/round.json" "$folder"/*.signed >/dev/null 2>&1
        done
        [[ $step == files ]] || continue
        "$longstop" arm verify "$policy" "$here/round.json" >/dev/null 2>&1
        for party in alice bob gina hal; do
            "$longstop" arm acknowledge "$policy" "$here/round.json" --party "$party" >/dev/null 2>&1
        done
    done
    state=$("$longstop" arm status "$policy" "$here/round.json" --json 2>/dev/null | field state)
    [[ $state == armed ]] || { echo "$script: the round is $state"; exit 1; }
    # The agents trigger, and the veto holders cancel.
    for what in trigger cancel; do
        python3 - "$here/round.json" "$what" "$here/$what.psbt" <<'PYTHON'
import base64, json, sys
from pathlib import Path
course = json.loads(Path(sys.argv[1]).read_text())["armings"][0]["courses"][0]
text = course["trigger"] if sys.argv[2] == "trigger" else course["cancels"][0]
Path(sys.argv[3]).write_bytes(base64.b64decode(text))
PYTHON
        parties=(gina hal)
        [[ $what == trigger ]] || parties=(alice bob carol)
        returned=()
        for party in "${parties[@]}"; do
            mkdir "$here/$what-$party"
            cp "$here/$what.psbt" "$here/$what-$party/"
            signed "$party" "$here/$what-$party"
            returned+=("$here/$what-$party/$what.psbt.signed")
        done
        met=$("$longstop" psbt merge "$policy" "$here/$what.psbt" "${returned[@]}" \
            --output "$here/$what.merged" --json 2>/dev/null | field met)
        echo "$script: $what signed by $met"
        [[ $what == trigger && $met == "['arming', 'path']" || $what == cancel && $met == "['arming', 'veto']" ]] ||
            exit 1
    done
done
