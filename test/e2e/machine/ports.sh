# The ways to low ports besides systemd's sockets, each provisioned after the other on one machine, so that a change of way takes the former back.
. /root/machine/lib.sh
. /root/machine/snapshot.sh
useradd --create-home alice
both='"0.0.0.0:443"], redirect: ["0.0.0.0:80"'
server_pid() { forge status --json >/dev/null; field '["server"]["pid"]'; }
user_of() { stat -c %U "/proc/$1"; }
first_free() { sysctl -n net.ipv4.ip_unprivileged_port_start; }
none="0000000000000000"
one="0000000000000400"
copy=$prefix/var/low-port/bin/python3

snapshot $work/before $prefix

# --- the ambient capability, under systemd

site "$both" '' 'low-port: ambient'
forge provision
check "ambient: exit 0" exits 0
check "ambient: answers" answers 443
pid=$(main_pid)
check "ambient: cap_net_bind_service and no other" same "$one $one $one" "$(of_process "$pid" CapPrm) $(of_process "$pid" CapBnd) $(of_process "$pid" CapAmb)"
check "ambient: a user of its own, for this run only" test "$(of_process "$pid" Uid)" -ge 61184
check "ambient: no new privileges" same 1 "$(of_process "$pid" NoNewPrivs)"
forge status --json
check "ambient: workers are confined by Landlock" starts "in force, ABI " "$(field '["server"]["policy"]["landlock"]')"
# systemd's filter has no capset(2) for the unit, so that nobody can give it up.
check "ambient: workers have that capability and no other" same "$one" "$(of_process "$(field '["server"]["workers"][0]')" CapEff)"
check "ambient: status says so" starts "not in force" "$(field '["server"]["policy"]["capabilitiesDropped"]')"
check "ambient: there is no socket unit" not test -e /etc/systemd/system/tlsforge.socket
check "ambient: systemd finds nothing wrong with the unit" same "" "$(systemd-analyze verify /etc/systemd/system/tlsforge.service 2>&1)"
exposure=$(systemd-analyze security --no-pager tlsforge.service | sed -n 's/.*Overall exposure level.*: \([0-9.]*\).*/\1/p')
echo "# exposure $exposure"
check "ambient: exposure at most 1.7" at_most 1.7 "$exposure"
check "ambient: another user cannot bind the port" not can_bind alice 443
site "$both" 'hsts: { max-age: 63072001 }' 'low-port: ambient'
load_begin 443
forge provision
load_end
check "ambient, change: exit 0" exits 0
check "ambient, change: no connection failed" no_failure
forge doctor
check "ambient: doctor passes" exits 0

# --- the sysctl, in the background

site "$both" '' 'low-port: sysctl, service: none'
forge plan
check "sysctl: plan says what it means for others" printed "every user"
forge provision
check "sysctl: exit 0" exits 0
check "sysctl: answers" answers 443
check "sysctl: live" same 80 "$(first_free)"
check "sysctl: at the next boot" grep -rq '^net.ipv4.ip_unprivileged_port_start *= *80$' /etc/sysctl.d
check "sysctl: another user can bind low ports now" can_bind alice 444
check "sysctl: the units are gone" not ls /etc/systemd/system/tlsforge.service /etc/systemd/system/tlsforge.socket
pid=$(server_pid)
check "sysctl: the server runs as the service's account" same tlsforge "$(user_of "$pid")"
check "sysctl: the account is none to log in to" sh -c 'getent passwd tlsforge | grep -q nologin'
forge doctor
check "sysctl: doctor passes, and tells it" printed "which is how host.low-port: sysctl works"

# --- the file capability, in the background

site "$both" '' 'low-port: file-capability, service: none'
forge provision
check "file capability: exit 0" exits 0
check "file capability: answers" answers 443
check "file capability: on the copy" same "$copy cap_net_bind_service=ep" "$(getcap $copy)"
check "file capability: root's, and the group of the service may run it" same "750 root tlsforge" "$(stat -c '%a %U %G' $copy)"
check "file capability: another user cannot run it" not as alice $copy -c 'print()'
check "file capability: the shared interpreter has none" same "" "$(getcap "$(readlink -f $prefix/bin/python)")"
check "file capability: the sysctl is as it was" same 1024 "$(first_free)"
check "file capability: the sysctl's file is gone" not grep -rq ip_unprivileged_port_start /etc/sysctl.d
forge plan --exit-code
check "file capability: plan has nothing left to do" exits 0
pid=$(server_pid)
check "file capability: the server runs as the service's account" same tlsforge "$(user_of "$pid")"
check "file capability: no new privileges" same 1 "$(of_process "$pid" NoNewPrivs)"
check "file capability: another user cannot bind the port" not can_bind alice 443
forge doctor
check "file capability: doctor passes" exits 0
check "file capability: doctor proves that the copy is the service's" printed "another user cannot run it"

# --- root's own way without a service manager: the capability is kept until the ports are bound

site "$both" '' 'service: none'
load_begin 443
forge provision
load_end
check "root's launcher: exit 0" exits 0
check "root's launcher: no connection failed" no_failure
pid=$(server_pid)
check "root's launcher: the server runs as the service's account" same tlsforge "$(user_of "$pid")"
check "root's launcher: no capability is left" same "$none $none $none" "$(of_process "$pid" CapPrm) $(of_process "$pid" CapEff) $(of_process "$pid" CapAmb)"
check "root's launcher: the copy is gone" not test -e $copy
check "root's launcher: another user reads no key" same "" "$(as alice find $prefix/var -name '*key*' 2>/dev/null)"
load_begin 443
forge rollback
load_end
check "rollback: exit 0" exits 0
check "rollback: no connection failed" no_failure
check "rollback: the copy is there again" same "$copy cap_net_bind_service=ep" "$(getcap $copy)"
check "rollback: answers" answers 443

# --- everything back

forge uninstall
check "uninstall: exit 0" exits 0
check "uninstall: no process is left" not pgrep -f "$prefix"
snapshot $work/after
check "uninstall: no difference to the machine before" no_difference $work/before $work/after
