#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# How the tracer behaves on a command line: output that is cut off, signals, limits, exit codes, hostile names,
# long addresses, permissions, nonsense, two at once, and a log that is told again.
. "$(dirname "$0")/lib.sh"
live_begin "$@"

plane=${SOCKTALE_PLANE:+--plane $SOCKTALE_PLANE}
# run NAME STATUS COMMAND...: ends with that status; output in NAME.out and NAME.err
run() {
	local name=$1 want=$2 code
	shift 2
	timeout -k 5 $((60 * slow)) "$@" >"$tmp/$name.out" 2>"$tmp/$name.err" </dev/null
	code=$?
	[ $code = "$want" ] && return
	echo "#   ended with $code: $*" && explain 5 <"$tmp/$name.err"
	return 1
}
trace() { "$SOCKTALE" trace $plane "$@"; }
speaks() { grep -q -- "$2" "$tmp/$1.err"; }
connections() { # PORT COUNT
	start server "$load" server 127.0.0.1 "$1" "$2" -c last
	sees server ready
	start client "$load" client 127.0.0.1 "$1" "$2" -c reset
	ends client
	ends server
}

# ---- what cannot work is refused with a word ----

refused() { # SENTENCE STATUS PATTERN ARGUMENT...
	local sentence=$1 want=$2 pattern=$3
	shift 3
	check "$sentence: status $want" run bad "$want" "$SOCKTALE" trace $plane "$@"
	check "$sentence: the standard error names it" speaks bad "$pattern"
	check "$sentence: the standard output stays empty" [ ! -s "$tmp/bad.out" ]
}
refused "a port beyond all ports" 2 70000 --port 70000
refused "a process that is none" 2 never -p never
refused "an address that is none" 2 10.0.0.300 --addr 10.0.0.300
refused "a prefix longer than the address" 2 33 --addr 10.0.0.0/33
refused "a family nobody knows" 2 ipx --family ipx
refused "an address of another family" 2 -- --family inet6 --addr 10.0.0.1
refused "a port of a unix socket" 2 unix --family unix --port 80
refused "an event that is none" 2 tcp_conect -e tcp_conect
refused "a format that is none" 2 xml --format xml
refused "a plane that is none" 2 sideways --plane sideways
refused "a time that is none" 2 soon -d soon
refused "a count of nothing" 2 "'0'" -n 0
refused "an option that is none" 2 nonsense --nonsense
refused "a process number of nobody" 2 "'0'" -p 0
refused "a process that is gone" 2 "'4194305': does not exist" -p 4194305
refused "the number of a process twice" 2 "'2': is one too many" -p 1 -p 2
refused "an event without a name" 2 "event ',': names nothing" -e ,
refused "a prefix of impossible length" 2 "prefix length '99'" --addr 1.2.3.4/99
refused "a file that is no network namespace" 2 "'/etc/passwd': is a file of another kind" --netns /etc/passwd
refused "a folder that is no cgroup" 2 "cgroup '/etc'" --cgroup /etc
refused "a name the kernel cannot keep" 2 '1 to 15 bytes' --comm 0123456789abcdef
refused "a language without translation" 2 "language 'xx'" --lang xx
refused "a command that is not there to trace" 2 'which COMMAND' --
refused "a descriptor that is not open" 2 77 --ready-fd 77
refused "a descriptor without a number" 2 "descriptor ''" --ready-fd ''
refused "a descriptor beyond all numbers" 2 "'4294967296': is not the number" --ready-fd 4294967296
refused "a descriptor that is only read" 2 "'0': is not open for writing" --ready-fd 0
refused "a recording with a count" 2 "hint: use --format log" --format record -o "$tmp/counted" -n 5
refused "the answer of why" 2 "hint: socktale why" --format why
refused "tcp of a unix family" 2 'families inet and inet6' --proto tcp --family unix
for event in 'tcp_state --proto udp' 'tcp_send --family unix' 'unix_send --proto tcp' 'unix_send --port 80' 'unix_send --addr ::1' \
	'tcp_state,tcp_send --proto udp,unix'; do
	# shellcheck disable=SC2086 # options
	refused "nothing but ${event/ / by }" 2 "event '${event% --*}': no socket that passes" -e $event
done
check "events of which some pass are taken" run some 0 "$SOCKTALE" trace $plane -e tcp_state,udp_send --proto udp -d 0.1
refused "sends that are left out" 2 "'tcp_send': is left out by --io off" -e tcp_send --io off
refused "sends that are left out before" 2 "'tcp_send': is left out by --io off" --io off -e tcp_send
refused "the end of no process" 2 "'process_exit': is told only of a command" -e process_exit,app_output
refused "a network namespace of nobody" 2 "'4294967295': no process is in it" --netns 4294967295
refused "a folder as output" 1 "output '/': cannot be written: Is a directory" -o / -d 1
refused "a file that cannot be written" 1 no/such/folder -o /no/such/folder/file -d 1

# of other commands: SENTENCE STATUS PATTERN COMMAND...
declined() {
	local sentence=$1 want=$2 pattern=$3
	shift 3
	check "$sentence: status $want" run bad "$want" "$SOCKTALE" "$@"
	check "$sentence: the standard error names it" speaks bad "$pattern"
}
python3 -c 'import threading, time
t = threading.Thread(target=time.sleep, args=(60,))
t.start()
print(t.native_id, flush=True)' >"$tmp/thread" &
pid[threads]=$!
until_true 10 [ -s "$tmp/thread" ]
for command in "trace -d 0.1 -p" "why -d 0.1" "list -p"; do
	# shellcheck disable=SC2086 # the words of the command
	declined "${command%% *} of a thread" 2 "is a thread of process ${pid[threads]}" $command "$(cat "$tmp/thread")"
done
kill "${pid[threads]}"
head -c 3000 "$SOCKTALE" >"$tmp/binary"
printf 'socktale recording 1\nevent 1' >"$tmp/cut"
: >"$tmp/empty"
declined "tell of no file" 2 'which FILE' tell
declined "tell of a file that is not there" 1 "recording '/no/file': cannot open: No such file" tell /no/file
declined "tell of a folder" 1 "recording '/': cannot read: Is a directory" tell /
declined "tell of a binary" 1 "binary': is neither a log nor a recording" tell "$tmp/binary"
declined "tell of a recording that is cut off" 1 "cut': its beginning cannot be read" tell "$tmp/cut"
declined "tell of an empty file" 0 "empty': holds no event" tell "$tmp/empty"
"$SOCKTALE" trace $plane -d 0.1 --format record -o "$tmp/damaged" 2>/dev/null
printf '\0\0\0\200\0\0\0\0' >>"$tmp/damaged"
declined "tell of a damaged recording" 1 "damaged': is damaged at byte" tell "$tmp/damaged"
check "and says it once" [ "$(grep -c damaged "$tmp/bad.err")" = 1 ]
declined "why of a damaged recording" 1 "damaged': is damaged at byte" why --from "$tmp/damaged"
declined "a command that is none" 2 "command 'nonsense'" nonsense
declined "list with an argument" 2 "argument 'x'" list x
declined "list of a process that is gone" 2 "'4194305': does not exist" list -p 4194305
declined "doctor with an argument" 2 "argument 'x'" doctor x
declined "an event that is none" 2 "event 'nonsense'" events nonsense
declined "a lesson that is none" 2 "lesson 'nonsense'" play nonsense
declined "two lessons" 2 "lesson 'queues'" play handshake queues
cp "$SOCKTALE" "$tmp/alone"
check "play without its lessons: status 1" run bad 1 "$tmp/alone" play
check "and says where they should be" speaks bad 'make install'

# ---- what was in a file stays where nothing is written ----

echo kept >"$tmp/kept"
for options in "-n 5 --format record" "--netns 4294967295" "--plane nonsense"; do
	# shellcheck disable=SC2086 # options
	run bad 2 "$SOCKTALE" trace $plane $options -o "$tmp/kept"
done
less="setpriv --bounding-set=-sys_admin --inh-caps=-sys_admin"
for command in "trace -d 0.1 --budget 5" "trace -d 0.1 --cost"; do
	# shellcheck disable=SC2086 # the words of the command
	check "$command without CAP_SYS_ADMIN: status 3" run bad 3 $less "$SOCKTALE" $command -o "$tmp/kept"
	check "$command without CAP_SYS_ADMIN: names it" speaks bad 'CAP_SYS_ADMIN is missing'
	run bad 3 $less "$SOCKTALE" $command -o "$tmp/made"
done
run bad 3 setpriv --bounding-set=-bpf,-sys_admin --inh-caps=-bpf,-sys_admin "$SOCKTALE" why -d 0.1 -o "$tmp/kept"
check "a trace that is refused leaves the output file as it was" [ "$(cat "$tmp/kept")" = kept ]
check "and leaves none that was not there" [ ! -e "$tmp/made" ]
check "a trace that begins empties it" eval 'run bad 0 "$SOCKTALE" trace $plane -e tcp_probe -d 0.1 -o "$tmp/kept" && [ ! -s "$tmp/kept" ]'
"$SOCKTALE" trace $plane --format log -o "$tmp/same" -- curl -s http://127.0.0.1:1/ 2>/dev/null
cp "$tmp/same" "$tmp/before"
ln "$tmp/same" "$tmp/link"
declined "tell into what it reads" 2 "link': is the recording that is read" tell "$tmp/same" -o "$tmp/link"
declined "why into what it reads" 2 "same': is the recording that is read" why --from "$tmp/same" -o "$tmp/same"
check "and the recording is whole" cmp -s "$tmp/same" "$tmp/before"

# ---- where processes have other numbers ----

apart() { # SENTENCE STATUS PATTERN COMMAND...
	local sentence=$1 want=$2 pattern=$3
	shift 3
	check "in a pid namespace, $sentence: status $want" run bad "$want" unshare -p -f --mount-proc "$SOCKTALE" "$@"
	check "in a pid namespace, $sentence: says why" speaks bad "$pattern"
}
apart "a process" 4 "process '1': process numbers here" trace -d 0.1 -p 1
apart "a command" 4 "command 'true': process numbers here" trace -- true
apart "why of a process" 4 "process '1': process numbers here" why -d 0.1 1
apart "list of a process" 4 "process '1': process numbers here" list -p 1
apart "a lesson" 4 "lesson 'handshake': process numbers here" play handshake
apart "the test of doctor" 4 "test 'doctor': process numbers here" doctor
check "and its page is there" grep -q tcp_state "$tmp/bad.out"
apart "the whole host" 0 "process numbers told are those of the host" trace -d 0.1
apart "list" 0 "process numbers told are those of the host" list
start server "$load" server 127.0.0.1 24010 3 -c last
sees server ready
run other 0 unshare -p -f --mount-proc sh -c "'$SOCKTALE' trace $plane --port 24010 --format json -o '$tmp/other.json' -n 1 --ready-fd 9 \
	9>'$tmp/other.ready'" &
pid[other]=$!
until_true 60 [ -s "$tmp/other.ready" ]
start client "$load" client 127.0.0.1 24010 3 -c first
ends client
ends server
wait "${pid[other]}"
check "a trace from there tells the host's numbers" [ "$(grep -c '"event"' "$tmp/other.json")" = 1 ]

# ---- output that nobody takes ----

# Output that nobody can take is a failure that is told, once, and not written into another file.
unwritten() { # SENTENCE FILE|- COMMAND...
	local code sentence=$1 to=$2
	shift 2
	if [ "$to" = - ]; then "$SOCKTALE" "$@" >&- 2>"$tmp/bad.err"; else "$SOCKTALE" "$@" >"$to" 2>"$tmp/bad.err"; fi
	code=$?
	check "$sentence: status 1" [ $code = 1 ]
	check "$sentence: told once" [ "$(grep -cE 'cannot (be written|write)' "$tmp/bad.err")" = 1 ]
}
for command in "list" "events" "doctor --no-test" "--help" "--version" "trace -d 20 -- curl -s http://127.0.0.1:1/"; do
	# shellcheck disable=SC2086 # the words of the command
	unwritten "$command to a full disk" /dev/full $command
done
unwritten "list with its output closed" - list
unwritten "trace with its output closed" - trace -d 20 -- curl -s http://127.0.0.1:1/

chmod 755 "$tmp"
cp "$SOCKTALE" "$tmp/socktale" # the checkout may be in a folder others cannot enter
check "without root: status 3" run nobody 3 setpriv --reuid 65534 --regid 65534 --clear-groups "$tmp/socktale" trace -d 1
check "without root: names the capability" grep -qE 'CAP_(BPF|SYS_ADMIN|PERFMON)' "$tmp/nobody.err"
check "without root: no more than a few lines" [ "$(wc -l <"$tmp/nobody.err")" -le 4 ]
check "with root, but without CAP_BPF and CAP_SYS_ADMIN: status 3" \
	run less 3 setpriv --bounding-set=-bpf,-sys_admin --inh-caps=-bpf,-sys_admin "$SOCKTALE" trace -d 1
check "and names a capability" grep -qE 'CAP_' "$tmp/less.err"
mkdir -p "$tmp/lessons" && cp "$checkout"/demos/lessons/* "$tmp/lessons" && chmod -R a+rX "$tmp/lessons"
check "play without root: status 3" run nobody 3 env SOCKTALE_LESSONS="$tmp/lessons" \
	setpriv --reuid 65534 --regid 65534 --clear-groups "$tmp/socktale" play handshake
check "play without root: names the capability and the remedy" grep -qE 'CAP_SYS_ADMIN' "$tmp/nobody.err"
check "list without root: names the capability" eval 'run nobody 3 setpriv --reuid 65534 "$tmp/socktale" list && grep -q CAP_ "$tmp/nobody.err"'
check "why without root: names the capability" eval 'run nobody 3 setpriv --reuid 65534 "$tmp/socktale" why -d 1 && grep -q CAP_ "$tmp/nobody.err"'
check "-e help lists the events without tracing" run help 0 setpriv --reuid 65534 "$tmp/socktale" trace -e help
check "with their meanings" grep -q 'tcp_retransmit .*again' "$tmp/help.out"

# ---- limits, commands ----

began=$EPOCHREALTIME
check "-d ends by itself: status 0" run d 0 "$SOCKTALE" trace $plane -d 0.5 --netns "$netns"
check "after its time, not before" awk -v a="$began" -v b="$EPOCHREALTIME" 'BEGIN { exit !(b - a >= 0.5) }'
check "the end summary is on the standard error" speaks d 'events produced, .* delivered, .* lost'
check "libbpf says nothing" eval '! speaks d libbpf'

check "-- CMD ends with the command's status" run status 7 "$SOCKTALE" trace $plane -- sh -c 'exit 7'
check "-- CMD killed by a signal: 128 + its number" run killed 143 "$SOCKTALE" trace $plane -- sh -c 'kill $$'
check "-- CMD that is not there: 127" run absent 127 "$SOCKTALE" trace $plane -- /no/such/command
# held_by PID: the process of the command is there, held until every hook is attached
held_by() { [ -n "$(cat "/proc/$1/task/$1/children" 2>/dev/null)" ]; }
for signal in TERM INT; do
	# env gives back SIGINT, to which a shell starts background jobs deaf.
	env --default-signal=INT "$SOCKTALE" trace $plane -- touch "$tmp/started" 2>"$tmp/early.err" >/dev/null &
	pid[early]=$!
	until held_by "${pid[early]}" || ! alive "${pid[early]}"; do :; done
	kill -$signal "${pid[early]}"
	wait "${pid[early]}"
	check "SIG$signal before every hook is attached: 128 + its number" [ $? = $((128 + $(kill -l $signal))) ]
	check "SIG$signal before every hook is attached: the command is not started" [ ! -e "$tmp/started" ]
	check "SIG$signal before every hook is attached: says so" speaks early "'touch': was not started"
done
for limit in "-d 0.3" "-n 1"; do
	rm -f "$tmp/went"
	# shellcheck disable=SC2086 # an option
	check "-- CMD that outlasts $limit: status 0" run limit 0 "$SOCKTALE" trace $plane $limit -- \
		sh -c "curl -s http://127.0.0.1:1/; sleep 1; touch '$tmp/went'; exit 7"
	check "-- CMD that outlasts $limit goes on" eval '[ ! -e "$tmp/went" ] && until_true 5 [ -e "$tmp/went" ]'
done
start server "$load" server 127.0.0.1 24000 6 -c last
sees server ready
check "-- CMD traces the command and its children" run tree 0 \
	"$SOCKTALE" trace $plane --format json -o "$tmp/tree.json" -- sh -c \
	"'$load' client 127.0.0.1 24000 3 -c first; ('$load' client 127.0.0.1 24000 3 -c first &); wait; sleep 0.3"
ends server
judge "$tmp/tree.json" <<'END'
import sys
from events import *

events = read(sys.argv[2])
connects = pick(events, "tcp_connect")
check("-- CMD: each of its six connects is told from the first on", len(connects) == 6 and len({e["pid"] for e in connects}) == 2,
      briefs(connects))
check("-- CMD: their sockets are told from socket() on", len([e for e in pick(events, "sock_create") if e["protocol"] == "tcp"]) == 6)
others = {e["comm"] for e in events if e["event"] != "lost"} - {"load", "sh", "sleep"}
check("-- CMD: nobody else is told", not others, others)
server = [e for e in events if local(e) == 24000 and e["event"] != "tcp_segment"]
check("-- CMD: the server outside the command is not told", not server, briefs(server))
END

trace_start few --netns "$netns" -n 5
connections 24001 20
trace_wait few
check "-n 5 ends after five events, status 0" [ "${status[few]} $(wc -l <"$tmp/few.json")" = "0 5" ]

# ---- pipes and signals ----

( trace --netns "$netns" --format text -o - 2>"$tmp/head.err" | head -n 1 >"$tmp/head.out"; echo "${PIPESTATUS[0]}" >"$tmp/head.status" ) &
pid[head]=$!
until_true 20 eval '[ -s "$tmp/head.out" ] || { connections 24002 5; false; }'
check "trace | head -n 1 shows a line" [ "$(wc -l <"$tmp/head.out")" = 1 ]
until_true 20 eval '[ -s "$tmp/head.status" ] || { connections 24002 5; false; }'
check "and the tracer ends with 0" [ "$(cat "$tmp/head.status")" = 0 ]
check "and sums up" speaks head 'events produced'

for signal in TERM INT; do
	trace_start file --netns "$netns"
	connections 24003 20
	trace_stop file $signal
	check "SIG$signal with the output in a file: status 0" [ "${status[file]}" = 0 ]
	check "SIG$signal: a summary on the standard error" speaks file 'events produced'
	judge "$tmp/file.json" SIG$signal <<-'END'
	import sys
	from events import *
	events = read(sys.argv[2])
	check(f"{sys.argv[3]}: everything before it is in the file, whole",
	      len(pick(events, "tcp_accept", error=None)) == 20 and len(pick(events, "sock_close", last=True)) == 41,
	      counts(events))
	END
done
# Line-buffered: what has happened can be read while the tracer still runs.
trace_start live --netns "$netns"
connections 24004 3
check "a line can be read soon after its event" until_true 3 grep -q '"event":"tcp_accept"' "$tmp/live.json"
trace_stop live

# ---- names and addresses ----

ip address add fd12:3456:789a:bcde:f012:3456:789a:bcde/128 dev lo nodad
cp "$load" "$tmp/"$'e\e[31mvil"\n'
trace_start hostile --netns "$netns"
start server "$tmp/"$'e\e[31mvil"\n' server fd12:3456:789a:bcde:f012:3456:789a:bcde 24005 2 -c last
sees server ready
start client "$load" client fd12:3456:789a:bcde:f012:3456:789a:bcde 24005 2 -c first
ends client
ends server
trace_stop hostile
judge "$tmp/hostile.json" <<'END'
import sys
from events import *

events = read(sys.argv[2])
address = "[fd12:3456:789a:bcde:f012:3456:789a:bcde]:24005"
check("an address of 39 characters is whole at both ends",
      pick(events, "tcp_accept", local=address) and pick(events, "tcp_connect", remote=address) and
      pick(events, "tcp_connect", asked=address), briefs(pick(events, "tcp_accept")))
check("a name with an escape sequence, a quote and a newline comes through JSON as it is",
      {e["comm"] for e in pick(events, "tcp_accept")} == {'e\x1b[31mvil"\n'}, {e["comm"] for e in events})
raw = open(sys.argv[2], "rb").read()
check("no control character is in the file", not set(raw) & (set(range(32)) - {10}) and b"\x7f" not in raw)
END
start server "$tmp/"$'e\e[31mvil"\n' server 127.0.0.1 24006 2 -c last
sees server ready
check "the same in text" run text 0 "$SOCKTALE" trace $plane --format text -p "${pid[server]}" -- "$load" client 127.0.0.1 24006 2 -c first
ends server
until_true 5 true
start server "$tmp/"$'e\e[31mvil"\n' server 127.0.0.1 24007 2 -c last
sees server ready
trace --netns "$netns" --format text -o "$tmp/raw.text" -d 2 2>/dev/null &
pid[raw]=$!
until_true 20 eval 'grep -q . "$tmp/raw.text" 2>/dev/null || { "$load" client 127.0.0.1 24007 1 -c first >/dev/null 2>&1; false; }'
wait "${pid[raw]}"
check "text shows no escape sequence" eval '[ -s "$tmp/raw.text" ] && ! grep -q "$(printf "\\033")" "$tmp/raw.text"'
kill "${pid[server]}" 2>/dev/null

# ---- two at once, and a log told again ----

trace_start one --netns "$netns"
trace_start two --netns "$netns"
# Not by way of the function: its shell would get the signal, and the tracer go on writing.
"$SOCKTALE" trace $plane --netns "$netns" --format log -o "$tmp/run.log" --ready-fd 9 9>"$tmp/log.ready" 2>"$tmp/log.err" &
tracer[log]=$!
"$SOCKTALE" trace $plane --netns "$netns" --format text -o "$tmp/run.text" --ready-fd 9 9>"$tmp/text.ready" 2>"$tmp/text.err" &
tracer[text]=$!
until_true 60 eval '[ -s "$tmp/log.ready" ] && [ -s "$tmp/text.ready" ]'
connections 24008 10
for name in one two log text; do trace_stop $name; done
judge "$tmp/one.json" "$tmp/two.json" <<'END'
import sys
from events import *

paths = sys.argv[2:4]
one, two = (collections.Counter((e["event"], e["local"], e["remote"], e["comm"]) for e in read(path) if e["event"] != "gap")
            for path in paths)
check("two tracers at once tell the same, but for what each says that it missed",
      one and (one - two).total() <= skipped(paths[1]) and (two - one).total() <= skipped(paths[0]), [str(one - two), str(two - one)])
END
check "tell reads the log of a real run back: status 0" run told 0 "$SOCKTALE" tell "$tmp/run.log"
check "tell says nothing on the standard error" [ ! -s "$tmp/told.err" ]
check "tell writes the same log again" \
	eval '"$SOCKTALE" tell --format log "$tmp/run.log" | cmp - "$tmp/run.log"'
judge "$tmp/run.text" "$tmp/told.out" <<'END'
import sys
from events import *

live, told = (open(p, encoding="utf-8").read().splitlines() for p in sys.argv[2:4])
# Two tracers have clocks of their own, number sockets on their own and read events that two processors told in the same
# moment in either order, so a heading (a change of conversation) may stand elsewhere; what is said is the same.
said = [collections.Counter(re.sub(r"[0-9.]+", "#", l).strip() for l in text if "──" not in l) for text in (live, told)]
check("tell prints the text that trace printed live", live and said[0] == said[1],
      [str(x) for x in (said[0] - said[1], said[1] - said[0])])
END
"$SOCKTALE" events --json-schema >"$tmp/schema"
check "every line of JSON, live and told, obeys its schema" eval '"$SOCKTALE" tell --format json "$tmp/run.log" >"$tmp/told.json"
	for lines in one told; do python3 "$checkout/tests/unit/json_check.py" "$tmp/schema" "$tmp/$lines.json" "$(wc -l <"$tmp/$lines.json")" ||
		{ false; break; }; done'
check "tell as JSON: every line is an object" eval '"$SOCKTALE" tell --format json "$tmp/run.log" | python3 -c "
import json, sys
n = [json.loads(line)[\"event\"] for line in sys.stdin]
sys.exit(not n)"'
check "tell needs no privilege" eval 'chmod 644 "$tmp/run.log"; setpriv --reuid 65534 "$tmp/socktale" tell "$tmp/run.log" | cmp -s - "$tmp/told.out"'
live_end
