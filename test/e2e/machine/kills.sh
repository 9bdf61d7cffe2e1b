# kill -9 in the middle of each change of the machine. KINDS: which changes; ROUNDS: how often each, at another moment every time.
. /root/machine/lib.sh
. /root/machine/snapshot.sh
both='"0.0.0.0:443"], redirect: ["0.0.0.0:80"'

# Programs that change the machine kill who runs them, when $work/kill says so: a line "WHEN NUMBER PATTERN", the NUMBER of the command among those
# whose line is like the PATTERN.
for program in tee mv chmod sync ldconfig systemctl sysctl setcap groupadd useradd chgrp chown cp rm; do
  real=$(command -v $program)
  mv "$real" "$real.real"
  cat >"$real" <<WRAPPER
#!/bin/sh
kill_parents() {
  p=\$PPID
  while [ "\$p" -gt 1 ]; do
    up=\$(awk '\$1 == "PPid:" { print \$2 }' /proc/\$p/status)
    if tr '\\\\0' ' ' </proc/\$p/cmdline | grep -q 'dist/main.js'; then kill -9 \$p; fi
    p=\$up
  done
}
due=no
if [ -s $work/kill ]; then
  read -r when number pattern <$work/kill
  case "$program \$*" in \$pattern)
    if [ "\$number" = 1 ]; then due=\$when; : >$work/kill; else echo "\$when \$((number - 1)) \$pattern" >$work/kill; fi ;;
  esac
fi
if [ \$due = before ]; then echo "$program \$*" >$work/killed; kill_parents; exit 1; fi
if [ \$due = after ]; then $real.real "\$@"; echo "$program \$*" >$work/killed; kill_parents; exit 1; fi
exec $real.real "\$@"
WRAPPER
  chmod.real 755 "$real" 2>/dev/null || chmod 755 "$real"
done

# What a kind of change is asked for with, what its commands are like, and how many there are.
asked_for() {
  case $1 in
    group) site "$both" '' 'service: none'; pattern='*groupadd*'; commands=1 ;;
    user) site "$both" '' 'service: none'; pattern='*useradd*'; commands=1 ;;
    loader-path) site "$both"; pattern='*ld.so.conf.d*'; commands=4 ;;
    loader-cache) site "$both"; pattern='ldconfig?'; commands=1 ;;
    unit) site "$both"; pattern='*tlsforge.service*'; commands=5 ;;
    socket) site "$both"; pattern='*tlsforge.socket*'; commands=5 ;;
    sysctl) site "$both" '' 'low-port: sysctl, service: none'; pattern='*ip_unprivileged_port_start*'; commands=1 ;;
    sysctl-file) site "$both" '' 'low-port: sysctl, service: none'; pattern='*sysctl.d*'; commands=4 ;;
    capability) site "$both" '' 'low-port: file-capability, service: none'; pattern='*var/low-port*'; commands=4 ;;
  esac
}

# killed KIND ROUND: a provision that is killed at that kind's change.
killed() {
  asked_for "$1"
  when=before
  [ $(($2 % 2)) = 1 ] || when=after
  rm.real -f $work/killed
  echo "$when $((($2 / 2) % commands + 1)) $pattern" >$work/kill
  forge provision
  : >$work/kill
  echo "# killed $when: $(cat $work/killed 2>/dev/null)"
}
was_killed() { [ -s $work/killed ] && [ "$code" = 137 ] || { echo "exit $code, killed: $(cat $work/killed)"; tail -n 5 $work/err; return 1; }; }
whole() { ! find /etc $prefix/var -name '*.tlsforge-new' | grep .; }

# After a quarter of an hour the machine would begin to clean up by itself.
systemctl.real stop --all "*.timer"
cp.real -al $prefix /root/store
snapshot $work/before $prefix
fresh() { rm.real -rf $prefix; cp.real -al /root/store $prefix; }

round=1
while [ $round -le "$ROUNDS" ]; do
  for kind in $KINDS; do
    label="$kind, round $round"
    fresh
    killed "$kind" $round
    check "$label: killed" was_killed
    forge plan --exit-code
    check "$label: plan sees that something is to be done" exits 10
    forge provision
    check "$label: the next provision completes" exits 0
    check "$label: nothing half-written is left" whole
    check "$label: answers" answers 443
    forge plan --exit-code
    check "$label: nothing is to be done then" exits 0
    forge uninstall
    fresh
    killed "$kind" $((round + 1))
    check "$label: killed again" was_killed
    forge uninstall
    check "$label: uninstall right after it: exit 0" exits 0
    rm.real -rf $work/after
    snapshot $work/after
    check "$label: uninstall right after it: no difference to the machine before" no_difference $work/before $work/after
  done
  round=$((round + 1))
done
