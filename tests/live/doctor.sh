#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The doctor tells the truth: what must be seen is seen, what is broken is named, and what is not permitted or not there
# ends with the status that says so. Does not judge the events themselves: owner.sh and life.sh do.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
live_begin "$@"

plane=${SOCKTALE_PLANE:+--plane "$SOCKTALE_PLANE"}

# shellcheck disable=SC2086 # two words or none
timeout $((60 * slow)) "$SOCKTALE" doctor --json $plane >"$tmp/page.json" 2>"$tmp/page.err"
code=$?
"$SOCKTALE" events --json-schema >"$tmp/schema.json"
judge "$tmp/page.json" "$tmp/schema.json" "$code" "$(uname -r)" <<'END'
import json, os, sys
from events import *

page, schema, code, release = json.load(open(sys.argv[2])), open(sys.argv[3]).read(), int(sys.argv[4]), sys.argv[5]
told = {e["event"]: e for e in page["events"]}
check("it names the running kernel", page["kernel"]["release"] == release, page["kernel"])
check("it has a row for every event of the schema", told and all(f'"{name}"' in schema for name in told) and len(told) >= 40, len(told))
for name, e in told.items():
    if e["plane"] is None and e["missing"] is None:
        print(f"# {name}: no source in this version")
    if e["plane"] == "functions":
        good = any(h["door"] in ("fentry", "fexit", "kprobe", "kretprobe") for h in e["hooks"])
    elif e["plane"] == "tracepoints":
        good = e["hooks"] and all(h["door"] in ("tp_btf", "raw_tp") for h in e["hooks"])
    else:
        good = not e["hooks"]
    if not good:
        check(f"{name}: its doors are of its plane", False, e)
check("it finds a door, or it could not have run", any(d["offered"] for d in page["doors"].values()), page["doors"])
forced = os.environ.get("SOCKTALE_PLANE")
if forced == "tracepoints":
    check("a forced plane is kept to", all(e["plane"] != "functions" for e in told.values()))
test = page["test"]
check("the patient could do all", test["trouble"] is None, test["trouble"])
check("it lived in a namespace of its own", test["own_netns"])
for w in test["expectations"]:
    if w["verdict"] != "not told":
        check(f"seen: {w['what']} ({w['event']})", w["verdict"] == "seen" and w["seen"] > 0, w)
check("every event names the right owner", test["wrong_owner"] == test["no_owner"] == 0, test["first_wrong"] or test["first_unknown"])
check("nothing is lost", test["lost"] == 0)
if test["never_ran"] is not None:
    ran = {h["target"] for e in told.values() for h in e["hooks"] if h["runs"]}
    check("hooks are counted: those of system calls ran", "sys_enter" in ran and "sys_exit" in ran, sorted(ran))
    # The patient never has a SYN-ACK repeated: that hook is in the list, unless another program of this machine had one.
    idle = {h["target"] for e in told.values() for h in e["hooks"] if h["runs"] == 0}
    check("a hook that never ran is named, and no other", idle <= {n.rsplit("__", 1)[0].replace("_return", "") for n in
          test["never_ran"]} and not [n for n in test["never_ran"] if n.rsplit("__", 1)[0].replace("_return", "") in ran - idle],
          (idle, test["never_ran"]))
check("its status agrees with its words", code == (0 if test["ok"] else 1), code)
END

# shellcheck disable=SC2086
COLUMNS=80 timeout $((60 * slow)) "$SOCKTALE" doctor $plane >"$tmp/page.txt" 2>&1
wide=$(awk 'length > 80' "$tmp/page.txt")
check "the page fits 80 columns" [ -z "$wide" ]
[ -z "$wide" ] || explain 5 <<<"$wide"
check "the page sums up what was seen" grep -qE '^  [0-9]+ of [0-9]+ things that must be seen were seen' "$tmp/page.txt"

# A broken machine: no TIME_WAIT in this namespace, where a patient without CAP_SYS_ADMIN has to live.
held=$((16#$(awk '/^CapEff:/ { print $2 }' /proc/self/status)))
few=-all
for capability in bpf=39 perfmon=38 sys_resource=24 net_admin=12 dac_read_search=2 syslog=34; do
	[ $((held >> ${capability#*=} & 1)) = 1 ] && few+=,+${capability%=*}
done
doctor_of_few() { timeout $((60 * slow)) setpriv --bounding-set="$few" --inh-caps="$few" "$SOCKTALE" doctor --json "$@" 2>"$tmp/few.err"; }
# shellcheck disable=SC2086
if doctor_of_few $plane >"$tmp/few.json"; grep -q '"test"' "$tmp/few.json"; then
	check "without CAP_SYS_ADMIN it tests in the namespace it is in" grep -q '"own_netns":false' "$tmp/few.json"
	buckets=$(sysctl -n net.ipv4.tcp_max_tw_buckets)
	sysctl -qw net.ipv4.tcp_max_tw_buckets=0
	doctor_of_few $plane >"$tmp/sick.json"
	code=$?
	sysctl -qw "net.ipv4.tcp_max_tw_buckets=$buckets"
	judge "$tmp/sick.json" "$code" "$tmp/few.json" <<'END'
import json, sys
from events import *

page, code = json.load(open(sys.argv[2])), int(sys.argv[3])
def missed(page):
    return {w["event"] for w in page["test"]["expectations"] if w["verdict"] == "missing"}


missing = missed(page) - missed(json.load(open(sys.argv[4])))
check("what does not happen is named: no TIME_WAIT begins", "tcp_time_wait" in missing, missing)
check("and nothing else is", missing <= {"tcp_time_wait", "tcp_time_wait_end"}, missing)
check("and the status says that something failed", code == 1 and not page["test"]["ok"], code)
END
elif grep -q 'CAP_SYS_ADMIN is missing' "$tmp/few.err"; then
	check "where CAP_SYS_ADMIN is needed, it says so" grep -q '"missing_capability":"CAP_SYS_ADMIN"' "$tmp/few.json"
else
	echo "ok - $test_name: a patient without CAP_SYS_ADMIN # SKIP $(head -n 1 "$tmp/few.err")"
fi

# Another door would do, and the self-test be content; but all is loaded twice then.
SOCKTALE_DEBUG=1 "$SOCKTALE" trace ${SOCKTALE_PLANE:+--plane "$SOCKTALE_PLANE"} -d 0.1 -o /dev/null 2>"$tmp/loads.txt"
check "no program is refused, and all loaded anew without it" sh -c '! grep "failed to load object" "$1"' sh "$tmp/loads.txt"

export XDG_STATE_HOME=$tmp/state
mkdir "$tmp/state"
"$SOCKTALE" doctor --no-test >"$tmp/before.txt" 2>/dev/null
check "no cost is known before one was measured" grep -q 'not measured yet' "$tmp/before.txt"
"$SOCKTALE" trace --cost -d 0.5 -o /dev/null 2>/dev/null
COLUMNS=200 "$SOCKTALE" doctor --no-test >"$tmp/after.txt" 2>/dev/null
check "afterwards the last one is said, a line a hook" grep -qE '^  sys_enter__(tp_btf|raw_tp) +[0-9]+ hits +[0-9]+ ns each' "$tmp/after.txt"
check "and in JSON" sh -c '"$1" doctor --no-test --json 2>/dev/null |
	python3 -c "import json, sys; assert json.load(sys.stdin)[\"last_cost\"][\"hooks\"][0][\"hits\"] > 0"' sh "$SOCKTALE"

setpriv --bounding-set=-all --inh-caps=-all "$SOCKTALE" doctor >"$tmp/none.txt" 2>"$tmp/none.err"
check "without capabilities it ends with 3" [ $? = 3 ]
check "and names the missing one" grep -q 'CAP_BPF is missing' "$tmp/none.err"
check "and still says what the kernel is" grep -q "$(uname -r)" "$tmp/none.txt"

: >"$tmp/empty"
if unshare -m sh -c 'for f in /sys/kernel/btf/vmlinux /boot/vmlinux*; do [ ! -e "$f" ] || mount --bind "$1" "$f" || exit 99; done
		exec "$2" doctor >"$3" 2>&1' sh "$tmp/empty" "$SOCKTALE" "$tmp/bare.txt"; code=$?; [ $code = 99 ]; then
	echo "ok - $test_name: no BTF # SKIP nothing can be mounted here"
else
	check "without BTF it ends with 4" [ $code = 4 ]
	check "and says what is missing" grep -q 'no BTF' "$tmp/bare.txt"
fi
live_end
