#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A real service as a load for `pair`: each line of milliseconds on the standard input runs its client for about so long
# (whole seconds: these clients know no less), and one line says operations and seconds. Speaks as `load` does.
#
#   service.sh nginx|redis|iperf3
#
# nginx: requests by wrk on 16 kept connections; redis: GETs by redis-benchmark on 16; iperf3: bytes in bulk.
set -u

work=$(mktemp -d /dev/shm/socktale-service.XXXXXX) || exit 1
trap 'kill $server 2>/dev/null; wait; rm -rf "$work"' EXIT
server=

waits() { # PORT: until our server answers there, not somebody else's
	for _ in $(seq 200); do
		(exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null && kill -0 "$server" && return
		sleep 0.02
	done
	echo "service: our server does not listen at port $1" >&2
	exit 1
}

case ${1:-} in
nginx)
	head -c 612 /dev/zero | tr '\0' x >"$work/index.html"
	cat >"$work/conf" <<-END
		daemon off; worker_processes 1; pid $work/pid; error_log $work/log crit;
		events { worker_connections 256; }
		http { access_log off; keepalive_requests 1000000000; server { listen 127.0.0.1:8080; root $work; } }
	END
	chmod 755 "$work"
	nginx -c "$work/conf" -p "$work" 2>/dev/null &
	server=$! port=8080
	;;
redis)
	redis-server --port 6399 --bind 127.0.0.1 --save '' --appendonly no --dir "$work" >/dev/null &
	server=$! port=6399
	;;
iperf3)
	iperf3 -s -B 127.0.0.1 -p 5299 >/dev/null 2>&1 &
	server=$! port=5299
	;;
*)
	echo "usage: service.sh nginx|redis|iperf3" >&2
	exit 2
	;;
esac
waits "$port"

once() { # SECONDS: operations a second
	case $1 in
	nginx) wrk -t 1 -c 16 -d "$2s" http://127.0.0.1:8080/ | awk '/Requests\/sec/ { print $2 }' ;;
	redis) timeout $(($2 * 10 + 10)) redis-benchmark -p 6399 -t get -c 16 -n $((requests * $2)) --csv 2>/dev/null | awk -F'"' '/GET/ { print $4 }' ;;
	iperf3) iperf3 -c 127.0.0.1 -p 5299 -t "$2" -J | awk '/"sum_received"/ { got = 1 } got && /"bits_per_second"/ { gsub(/[^0-9.e+]/, "", $2); print $2 / 8; exit }' ;;
	esac
}

# As many requests as this machine does in a second.
requests=10000
if [ "$1" = redis ]; then
	requests=$(once redis 1)
	requests=${requests%.*}
fi
echo ready
while read -r ms; do
	seconds=$(((ms + 999) / 1000))
	rate=$(once "$1" $seconds)
	awk -v r="${rate:-0}" -v s=$seconds 'BEGIN { printf "%.0f %.6f 0 0 0\n", r * s, s }'
done
