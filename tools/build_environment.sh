#!/bin/sh
# Makes the file system of a pre-receive environment for GitHub Enterprise Server, with git and credguard and no Python:
#   tools/build_environment.sh credguard_VERSION_ARCH.deb TARGET.tar.gz
# Needs root, debootstrap and the network; the package is one of tools/standalone.py. DEBIAN_MIRROR names another mirror.
# On the server: `ghe-hook-env-create NAME < TARGET.tar.gz`, or its address under Hooks in the settings of the enterprise.
set -eu
[ $# -eq 2 ] || { echo "usage: $0 credguard.deb TARGET.tar.gz" >&2; exit 2; }
package=$1 target=$2
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
[ -f "$package" ] || { echo "$package is no file; make it with tools/standalone.py" >&2; exit 2; }
[ "$(id -u)" -eq 0 ] || { echo "only root can make the file system; run it with sudo" >&2; exit 2; }
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
trap 'exit 130' INT TERM
debootstrap --variant=minbase --include=git bookworm "$place" "$mirror" >&2
cp "$package" "$place/credguard.deb"
chroot "$place" dpkg -i /credguard.deb >&2
chroot "$place" mkdir -p /var/cache/credguard
chroot "$place" credguard warm --to /var/cache/credguard >&2
rm -rf "$place/credguard.deb" "$place"/var/lib/apt/lists/* "$place"/var/cache/apt/* "$place"/usr/share/doc \
    "$place"/usr/share/locale "$place"/usr/share/man
tar -C "$place" --numeric-owner --exclude=./dev --exclude=./proc/\* --exclude=./sys/\* -czf "$target" .
echo "$target: $(du -h "$target" | cut -f1), $(chroot "$place" credguard --version)"
