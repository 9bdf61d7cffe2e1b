# snapshot FOLDER: everything of this machine that a provision might have changed, as text.
# Left out: what no program owns (/proc, /sys, /run, /tmp), the checkout, the copies that shadow keeps of its files whenever it writes one, and what
# apt and ldconfig keep of every question they are asked.
snapshot() {
  mkdir -p "$1"
  find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /run -o -path /tmp -o -path /task -o -path /root/tlsforge -o -path /root/store -o -path "$site" \
    -o -path '/var/cache/apt/*pkgcache.bin' -o -path /var/cache/ldconfig/aux-cache -o -path /etc/passwd- -o -path /etc/group- -o -path /etc/shadow- -o -path /etc/gshadow- ${2:+-o -path "$2"} \) -prune \
    -o -type f -printf '%p file %m %U %G %s\n' -o -type l -printf '%p link %l\n' -o -printf '%p %y %m %U %G\n' | sort >"$1/files"
  find /etc /usr/local /boot /root -xdev \( -path /root/tlsforge -o -path '/etc/*-' -o -path "$site" \) -prune -o -type f -print0 | sort -z | xargs -0 sha256sum >"$1/contents"
  systemctl list-unit-files --no-pager --no-legend | sort >"$1/units" 2>&1 || true
  systemctl list-units --all --no-pager --no-legend --plain 2>/dev/null | awk '$2 != "not-found" { print $1, $2, $3, $4 }' | sort >"$1/loaded" 2>&1 || true
  sysctl -a 2>/dev/null | grep -E '^(net|kernel\.(unprivileged|yama|dmesg|kptr)|user\.|vm\.(overcommit|max_map)|fs\.(suid|protected))' | sort >"$1/sysctls"
  { getent passwd; getent group; } >"$1/accounts"
  getcap -r /usr /opt /root 2>/dev/null | grep -v '^/root/tlsforge' >"$1/capabilities"
  ldconfig -p >"$1/loader"
}

# no_difference BEFORE AFTER: fails with what differs.
no_difference() { diff -r -U 0 "$1" "$2" | grep -v '^@@' | head -n 40 >"$work/differences"; [ ! -s "$work/differences" ] || { cat "$work/differences"; return 1; }; }
