# The first boot of a machine under emulation, after cloud-init has run the provision (test/vm).
. /root/machine/lib.sh
check "first boot: provision: exit 0" same 0 "$(cat /root/first.exit || cat /root/first.err)"
cp /root/first.json $work/out
check "first boot: A+, trust aside" same A+ "$(field '["report"]["grades"]["ssllabs-2009r"]["gradeTrustIgnored"]')"
check "first boot: both units are active" systemctl -q is-active tlsforge.service tlsforge.socket
check "first boot: port 443 answers" answers 443
check "first boot: a loader entry is there" sh -c 'ldconfig -p | grep -q tlsforge'
tail -n 5 /root/first.err
