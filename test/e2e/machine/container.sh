# A machine without a service manager, as a container is: an ordinary user, root with obstacles in the way, the server in the foreground.
. /root/machine/lib.sh
. /root/machine/snapshot.sh
useradd --create-home alice
chmod 711 /root
site=/home/alice/site.yaml
cp -al $prefix /root/store
fresh() { rm -rf $prefix; cp -al /root/store $prefix; }

# --- an ordinary user without sudo

# hers COMMAND [OPTION]...: `forge`, by alice.
hers() {
  command=$1
  shift
  code=0
  as alice env HOME=/home/alice /root/tlsforge/bin/tlsforge "$command" --config $site --progress plain "$@" >$work/out 2>$work/err </dev/null || code=$?
  echo "# $(cut -d ' ' -f 1 /proc/uptime) alice: tlsforge $command $*: $code"
}
chown alice /opt
snapshot $work/before $prefix
chown -R alice $prefix
find $prefix/store $prefix/generations | sort >$work/prefix
site '"127.0.0.1:443"'
hers provision --yes --offline --prefix $prefix
check "user, low port: refused" exits 1
check "user, low port: told which" said "443"
check "user, low port: told what is lacking" said "no sudo"
find $prefix/store $prefix/generations | sort >$work/prefix.after
check "user, low port: nothing was made" diff $work/prefix $work/prefix.after
site '"127.0.0.1:8443"'
hers provision --yes --offline --prefix $prefix --json
check "user, high port: exit 0" exits 0
check "user, high port: A+, trust aside" same A+ "$(field '["report"]["grades"]["ssllabs-2009r"]["gradeTrustIgnored"]')"
check "user, high port: the process is hers" same alice "$(stat -c %U /proc/$(field '["server"]["pid"]'))"
check "user, high port: keys are hers alone" same "" "$(find $prefix/var -type f -name '*key*' -perm /077)"
hers stop --prefix $prefix
hers uninstall --yes --prefix $prefix
check "user, uninstall: exit 0" exits 0
snapshot $work/after
check "user, uninstall: no difference to the machine before" no_difference $work/before $work/after

# --- root, with something in the way

chown root /opt
fresh
both='"0.0.0.0:443"], redirect: ["0.0.0.0:80"'
site "$both"
useradd --uid 1500 --shell /bin/sh tlsforge
forge provision
check "a user of that name that is somebody's: refused" exits 1
check "a user of that name that is somebody's: named" said "1500"
userdel tlsforge
groupdel tlsforge 2>/dev/null

site "$both" '' 'loader-path: true'
mount --bind /etc /etc && mount -o remount,bind,ro /etc
forge provision
umount /etc
check "read-only /etc: refused" exits 1
check "read-only /etc: said so" said "read-only"
check "read-only /etc: nothing serves" not pgrep -f tlsforge-server

mkdir -m 777 /srv/open
code=0
tlsforge provision --yes --offline --prefix /srv/open/tlsforge --config $site >$work/out 2>$work/err || code=$?
check "a prefix that others could exchange: refused" exits 1
check "a prefix that others could exchange: the folder is named" said "/srv/open"
rm -r /srv/open

# --- in the foreground, as in a container

site "$both"
forge provision
check "root: exit 0" exits 0
forge stop
tlsforge launch --foreground --prefix $prefix --config $site >$work/log.out 2>$work/log &
first=$!
serves() { tlsforge status --prefix $prefix; }
check "foreground: it serves, and status is the health check" until_true 15 serves
check "foreground: the log is on standard error" grep -q 'listening on 0.0.0.0:443' $work/log
check "foreground: answers" answers 443
kill -HUP $first
check "foreground: a hang-up reloads" until_true 10 grep -q reloaded $work/log
kill -TERM $first
wait $first
check "foreground: ended by SIGTERM with exit 0" same 0 $?
check "foreground: no process is left" not pgrep -f tlsforge-server
check "foreground: status fails then" not serves
tlsforge launch --foreground --prefix $prefix --config $site >$work/log.out 2>$work/log &
first=$!
until_true 15 serves >/dev/null
forge status --json
kill -9 "$(field '["server"]["pid"]')"
wait $first
check "foreground: exit 1 when the server is killed" same 1 $?
check "foreground: said so" grep -q 'the server ended by itself' $work/log
