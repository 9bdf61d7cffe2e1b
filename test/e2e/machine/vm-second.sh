# The same machine after a reboot.
. /root/machine/lib.sh
active() { systemctl -q is-active tlsforge.service tlsforge.socket; }
check "reboot: both units are active" until_true 120 active
check "reboot: port 443 answers" answers 443
check "reboot: nothing has failed" same "" "$(systemctl --failed --no-legend --plain)"
forge verify localhost --json --ca $prefix/var/tls/ca/cert.pem
check "reboot: the same grade" same A+ "$(field '["report"]["grades"]["ssllabs-2009r"]["gradeTrustIgnored"]')"
forge plan --exit-code
check "reboot: nothing is to be done" exits 0
check "reboot: the loader entry is there" sh -c 'ldconfig -p | grep -q tlsforge'
