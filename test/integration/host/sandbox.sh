#!/bin/sh
# sandbox.sh LOWER BOX REPOSITORY COMMAND...: the command in a copy-on-write view of the root LOWER, inside this mount namespace.
# The repository is there at its own path. Everything vanishes with the namespace.
set -e
lower=$1 box=$2 repository=$3
shift 3
mount -t tmpfs none "$box"
mkdir "$box/up" "$box/work" "$box/root"
root=$box/root
mount -t overlay overlay -o "lowerdir=$lower,upperdir=$box/up,workdir=$box/work" "$root"
for folder in proc dev sys; do mount --rbind "/$folder" "$root/$folder"; done
mkdir -p "$root$repository"
mount --bind "$repository" "$root$repository"
exec chroot "$root" "$@"
