# A server under systemd on the ports 443 and 80: first provision, a change under load, back, everything that goes wrong, uninstall.
. /root/machine/lib.sh
. /root/machine/snapshot.sh
useradd --create-home alice
both='"0.0.0.0:443"], redirect: ["0.0.0.0:80"'
units() { sha256sum /etc/systemd/system/tlsforge.*; systemctl is-enabled tlsforge.service tlsforge.socket; systemctl is-active tlsforge.service tlsforge.socket; }
server_json() { sha256sum <"$prefix/current/server.json"; }

snapshot $work/before $prefix

# --- before anything is there

site "$both"
forge plan --verbose
check "plan: exit 0" exits 0
check "plan: tells what would be run, and with which privilege" printed "as root: systemctl enable tlsforge.socket"
snapshot $work/planned $prefix
check "plan: changes nothing" no_difference $work/before $work/planned

printf '[Service]\nExecStart=/bin/true\n' >/etc/systemd/system/tlsforge.service
forge provision
check "a unit of that name that is not ours: refused" exits 1
check "a unit of that name that is not ours: named" said "/etc/systemd/system/tlsforge.service is there and was not written by tlsforge"
check "a unit of that name that is not ours: untouched" grep -q /bin/true /etc/systemd/system/tlsforge.service
rm /etc/systemd/system/tlsforge.service

# --- the first provision

forge provision --json
check "provision: exit 0" exits 0
check "provision: A+, trust aside" same A+ "$(field '["report"]["grades"]["ssllabs-2009r"]["gradeTrustIgnored"]')"
check "provision: both units are started at boot" systemctl -q is-enabled tlsforge.service tlsforge.socket
check "provision: both units are active" systemctl -q is-active tlsforge.service tlsforge.socket
check "provision: port 443 answers" answers 443

pid=$(main_pid)
check "process: a user of its own, for this run only" test "$(of_process "$pid" Uid)" -ge 61184
check "process: no capability" same "0000000000000000 0000000000000000 0000000000000000 0000000000000000" \
  "$(of_process "$pid" CapPrm) $(of_process "$pid" CapEff) $(of_process "$pid" CapBnd) $(of_process "$pid" CapAmb)"
check "process: no new privileges" same 1 "$(of_process "$pid" NoNewPrivs)"
check "process: a filter of system calls" same 2 "$(of_process "$pid" Seccomp)"
forge status --json
workers=$(field '["server"]["workers"]' | tr -d '[],')
check "workers: there are some" test -n "$workers"
each_worker() { for worker in $workers; do same "$2" "$(of_process "$worker" "$1")" || return 1; done; }
check "workers: no new privileges" each_worker NoNewPrivs 1
check "workers: no capability" each_worker CapPrm 0000000000000000
more_filters() { for worker in $workers; do [ "$(of_process "$worker" Seccomp_filters)" -gt "$(of_process "$pid" Seccomp_filters)" ] || return 1; done; }
check "workers: more filters of system calls than their server" more_filters
check "workers: confined by Landlock" starts "in force, ABI " "$(field '["server"]["policy"]["landlock"]')"
check "workers: system calls denied" starts "in force" "$(field '["server"]["policy"]["systemCalls"]')"
check "workers: no memory is writable and executable" same "in force" "$(field '["server"]["policy"]["memoryDenyWriteExecute"]')"
cannot_write() { nsenter -t "$pid" -m -- setpriv --reuid "$(of_process "$pid" Uid)" --clear-groups -- sh -c "for folder in $prefix $prefix/store $prefix/var $prefix/current; do if touch \$folder/x 2>/dev/null; then echo \$folder; exit 1; fi; done"; }
check "process: cannot write the prefix" cannot_write
check "units: systemd finds nothing wrong with them" same "" "$(systemd-analyze verify /etc/systemd/system/tlsforge.service /etc/systemd/system/tlsforge.socket 2>&1)"
exposure=$(systemd-analyze security --no-pager tlsforge.service | sed -n 's/.*Overall exposure level.*: \([0-9.]*\).*/\1/p')
echo "# exposure $exposure"
check "units: exposure at most 1.3" at_most 1.3 "$exposure"

readable_keys() { as alice sh -c "find $prefix /run/credentials /run/tlsforge \( -name '*.key' -o -name '*key.pem' \) -exec head -c 1 {} + 2>/dev/null" | grep -c . ; }
key_there() { find $prefix -name '*key*.pem' -o -name '*.key' | grep -q .; }
check "another user: there are keys to be read" key_there
check "another user: reads no key" same 0 "$(readable_keys)"
check "another user: cannot bind port 443" not can_bind alice 443
check "another user: cannot talk to the server's control socket" not as alice python3 -c 'import socket; socket.socket(socket.AF_UNIX).connect("/opt/tlsforge/var/run/server.sock")'
check "another user: cannot write the prefix" not as alice touch $prefix/x $prefix/var/x $prefix/store/x

forge provision --json
check "provision again: nothing to do" same unchanged "$(field '["outcome"]')"
forge plan --exit-code
check "plan with nothing to do: exit 0" exits 0
forge doctor
check "doctor: exit 0" exits 0
check "doctor: another user is refused the ports" printed "0.0.0.0:443: another user is refused it"

# --- another generation, under load

site "$both" 'hsts: { max-age: 63072001 }'
load_begin 443
forge provision --json
load_end
check "change: exit 0" exits 0
check "change: no connection failed" no_failure
check "change: the new process is the service's main one" test "$(main_pid)" != "$pid" -a "$(main_pid)" = "$(field '["server"]["pid"]')"
check "change: the other one stands by" test -S $prefix/var/run/standby.sock

second=$(main_pid)
load_begin 443
began=$(date +%s%3N)
forge rollback --json
ms=$(($(date +%s%3N) - began))
load_end
echo "# rollback, the whole command: $ms ms"
check "rollback: exit 0" exits 0
check "rollback: no connection failed" no_failure
check "rollback: the first process serves again" same "$pid" "$(main_pid)"
check "rollback: at once" at_most 1500 "$ms"

# --- what an administrator does

load_begin 443
systemctl restart tlsforge.service
restarted=$?
load_end
check "systemctl restart: no connection failed" no_failure
check "systemctl restart: another process" test "$restarted" = 0 -a "$(main_pid)" != "$pid"
check "systemctl reload" systemctl reload tlsforge.service
check "systemctl reload: the same process serves" answers 443

pid=$(main_pid)
load_begin 443
kill -9 "$pid"
back() { now=$(main_pid); [ "$now" != 0 ] && [ "$now" != "$pid" ] && systemctl -q is-active tlsforge.service; }
check "kill -9 of the server: systemd starts it again" until_true 15 back
load_end
check "kill -9 of the server: it answers" answers 443
forge status
check "kill -9 of the server: status says so" exits 0

# --- what must not take over

pid=$(main_pid)
units >$work/units
current=$(readlink $prefix/current)
as_before() { units | diff $work/units - && same "$current" "$(readlink $prefix/current)" && same "$pid" "$(main_pid)" && answers 443; }

site "$both" 'hsts: { max-age: 0 }'
forge provision
check "a grade that is too low: exit 1" exits 1
check "a grade that is too low: named" said "A+"
check "a grade that is too low: everything is as before" as_before

mkdir -p /root/certificates
"$prefix/bin/openssl" req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=localhost -addext subjectAltName=DNS:localhost \
  -keyout /root/certificates/own.key -out /root/certificates/own.pem 2>/dev/null
"$prefix/bin/openssl" genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out /root/certificates/own.key 2>/dev/null
site "$both" 'certificate: { directory: /root/certificates }'
forge provision
check "a key of another certificate: exit 1" exits 1
check "a key of another certificate: named" said "/root/certificates/own.key"
check "a key of another certificate: everything is as before" as_before
rm -r /root/certificates

python3 -c 'import socket, time; s = socket.socket(); s.bind(("0.0.0.0", 8444)); s.listen(); time.sleep(60)' &
holder=$!
sleep 0.3
site '"0.0.0.0:443", "0.0.0.0:8444"], redirect: ["0.0.0.0:80"'
forge provision
check "a port that somebody else has: exit 1" exits 1
check "a port that somebody else has: the program is named" said "python3"
check "a port that somebody else has: everything is as before" as_before
kill "$holder"

# --- a server that does not answer is not replaced, and not stopped

hung=$(main_pid)
kill -STOP "$hung"
site "$both" "hsts: { max-age: 47304000 }"
forge provision
kill -CONT "$hung"
check "a server that does not answer: exit 1" exits 1
check "a server that does not answer: said so" said "cannot be told"
check "a server that does not answer: it goes on when it can" until_true 20 answers 443
check "a server that does not answer: the same process" same "$hung" "$(main_pid)"

# --- what was refused is not what the next boot starts

served_header() { "$prefix/bin/python" "$here/load.py" header 443 "$prefix/var/tls/ca/cert.pem" strict-transport-security; }
before_stop=$(served_header)
forge stop
site "$both" "hsts: { max-age: 0 }"
forge provision
check "a grade that is too low where nothing served: exit 1" exits 1
check "a grade that is too low where nothing served: nothing serves" not systemctl -q is-active tlsforge.service
systemctl start tlsforge.socket
check "as at a boot: what was accepted last is served" same "$before_stop" "$(served_header)"

# --- a file that was changed by hand

site "$both"
forge provision
check "back to the first site file: exit 0" exits 0
tasks=$(sed -n 's/^TasksMax=//p' /etc/systemd/system/tlsforge.service)
sed -i 's/^TasksMax=.*/TasksMax=65/' /etc/systemd/system/tlsforge.service
forge plan
check "a unit changed by hand: plan shows how" printed "changed by hand: has \"TasksMax=65\"; lacks \"TasksMax=$tasks\""
check "a unit changed by hand: plan says where it is kept" printed "tlsforge.service.tlsforge-saved"
forge provision
check "a unit changed by hand: exit 0" exits 0
check "a unit changed by hand: kept" grep -q TasksMax=65 /etc/systemd/system/tlsforge.service.tlsforge-saved
check "a unit changed by hand: ours stands again" grep -qx "TasksMax=$tasks" /etc/systemd/system/tlsforge.service
check "a unit changed by hand: it serves" answers 443

# --- another service manager, there and back

site "$both" "" "service: none"
forge provision
check "without systemd: exit 0" exits 0
check "without systemd: answers" answers 443
check "without systemd: no unit is left" not systemctl -q is-enabled tlsforge.service
check "without systemd: the account of the service" same tlsforge "$(ps -o user= -p "$(cat "$prefix/var/run/server.pid" | head -n 1)")"
site "$both"
forge provision
check "with systemd again: exit 0" exits 0
check "with systemd again: active" systemctl -q is-active tlsforge.service tlsforge.socket
check "with systemd again: answers" answers 443
check "with systemd again: the account is gone" not getent passwd tlsforge

# --- stop, start, uninstall

{ printf 'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n'; sleep 20; } | "$prefix/bin/openssl" s_client -quiet -connect 127.0.0.1:443 >/dev/null 2>&1 &
sleep 1
began=$(date +%s%3N)
forge stop
ms=$(($(date +%s%3N) - began))
echo "# stop with a request under way: $ms ms"
check "stop: exit 0" exits 0
check "stop: a request under way has its 5 s" test "$ms" -ge 4500
check "stop: and no more" at_most 12000 "$ms"
check "stop: nothing is active" not systemctl -q is-active tlsforge.service tlsforge.socket
check "stop: it ended by itself" same success "$(systemctl show tlsforge.service -p Result --value)"
check "stop: no process is left" not pgrep -f "$prefix"
check "stop: nothing is left of it in /run" not ls /run/tlsforge /run/private/tlsforge /run/credentials/tlsforge.service
check "stop: what it keeps is nobody else's" same 0 "$(as alice sh -c 'cat /var/lib/tlsforge/* /var/lib/private/tlsforge/*' 2>/dev/null | wc -c)"
check "stop: the access log has been written" test -s /var/lib/private/tlsforge/access.log
forge launch
check "launch: exit 0" exits 0
check "launch: it serves again" answers 443
forge uninstall --dry-run
check "uninstall --dry-run: it still serves" answers 443
forge uninstall
check "uninstall: exit 0" exits 0
check "uninstall: what was changed by hand is left, and told" printed "tlsforge.service.tlsforge-saved"
rm -f /etc/systemd/system/tlsforge.service.tlsforge-saved
check "uninstall: no process is left" not pgrep -f "$prefix"
snapshot $work/after
check "uninstall: no difference to the machine before" no_difference $work/before $work/after
