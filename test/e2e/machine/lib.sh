# Sourced by the scenarios, which run as root in a root of their own. A scenario prints one line for each check:
#   ok NAME
#   not ok NAME: what was there instead
# and, for whoever reads along, `# …`.
PATH=/root/tlsforge/bin:$PATH
prefix=/opt/tlsforge
site=/root/site.yaml
work=/tmp/work
here=/root/machine
mkdir -p "$work"

# check NAME COMMAND...: the check holds when the command ends with 0; what it says is the detail otherwise.
check() {
  name=$1
  shift
  if detail=$("$@" 2>&1); then echo "ok $name"; else echo "not ok $name: $(echo "$detail" | tail -n 25 | tr '\n' '|')"; fi
}

# site LISTEN [MORE-OF-SERVER] [HOST]: the site file. LISTEN is a list of addresses.
site() {
  printf 'server: { listen: [%s]%s }\nhost: { packages: never%s }\n' "$1" "${2:+, $2}" "${3:+, $3}" >"$site"
}

# forge COMMAND [OPTION]...: tlsforge with the site file; its output lies in $work/out, its messages in $work/err, its exit code in $code.
forge() {
  command=$1
  shift
  case $command in provision | plan | build) set -- --offline "$@" ;; esac
  case $command in provision | uninstall | build) set -- --yes "$@" ;; esac
  code=0
  tlsforge "$command" --prefix "$prefix" --config "$site" --progress plain "$@" >"$work/out" 2>"$work/err" </dev/null || code=$?
  echo "# $(cut -d ' ' -f 1 /proc/uptime) tlsforge $command $*: $code"
}

# exits CODE: how the last `forge` ended.
exits() { [ "$code" = "$1" ] || { echo "exit $code"; tail -n 15 "$work/err"; return 1; }; }

# said TEXT / printed TEXT: the last `forge` has it among its messages, or its output.
said() { grep -qF -- "$1" "$work/err" || { cat "$work/err"; return 1; }; }
printed() { grep -qF -- "$1" "$work/out" || { cat "$work/out"; return 1; }; }

# same WANTED FOUND
same() { [ "$1" = "$2" ] || { echo "wanted $1, found $2"; return 1; }; }

# starts WANTED FOUND: what was found begins with what was wanted
starts() { case $2 in "$1"*) ;; *) echo "wanted $1..., found $2"; return 1 ;; esac; }

# at_most LIMIT NUMBER
at_most() { awk "BEGIN { exit !(\"$2\" != \"\" && $2 + 0 <= $1) }" || { echo "$2, more than $1"; return 1; }; }

# not COMMAND...: it fails.
not() { if "$@"; then echo "this went well: $*"; return 1; fi; }

# as USER COMMAND...
as() { user=$1; shift; runuser -u "$user" -- "$@"; }

main_pid() { systemctl show tlsforge.service -p MainPID --value; }

# of_process PID KEY: a line of /proc/PID/status.
of_process() { awk -v key="$2:" '$1 == key { print $2 }' "/proc/$1/status"; }

# field KEY: of the document that the last `forge … --json` printed; KEY as Python has it.
field() { python3 -c 'import json, sys; print(eval("d" + sys.argv[2], {"d": json.load(open(sys.argv[1]))}))' "$work/out" "$1"; }

# answers PORT: a new connection gets a page, with a certificate of our authority.
answers() { "$prefix/bin/python" "$here/load.py" once "$1" "$prefix/var/tls/ca/cert.pem"; }

# load_begin PORT / load_end: new connections without a pause in between; load_end prints "N answered, N failed" and fails when one has.
load_begin() {
  rm -f "$work/load.stop"
  interpreter=$(readlink -f "$prefix/bin/python")
  "$interpreter" "$here/load.py" load "$1" "$prefix/var/tls/ca/cert.pem" "$work/load.stop" >"$work/load" 2>&1 &
  load_pid=$!
  sleep 0.5
}
load_end() { sleep 0.5; : >"$work/load.stop"; wait "$load_pid"; load_code=$?; echo "# load: $(tr '\n' ' ' <"$work/load")"; }
no_failure() { [ "$load_code" = 0 ] || { cat "$work/load"; return 1; }; }

# can_bind USER PORT
can_bind() {
  as "$1" python3 -c 'import socket, sys; s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1); s.bind(("127.0.0.2", int(sys.argv[1])))' "$2"
}

# until_true SECONDS COMMAND...
until_true() {
  tries=$(($1 * 10))
  shift
  while ! "$@" >/dev/null 2>&1; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || { "$@"; return 1; }
    sleep 0.1
  done
}
