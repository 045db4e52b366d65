# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The environment, for ./dev: the machine's own packages where they are new enough, else a Debian 13 root in
# the user's cache folder, made by mmdebstrap and entered by bubblewrap. Sourced by dev, which sets $here and $list, the file of packages.

release=trixie
format=1 # raise it when the way a root is made changes, so that old ones are not used any more
marker=/etc/dev-root
pin='Package: src:mesa
Pin: release n=trixie-backports
Pin-Priority: 990'

cache=${XDG_CACHE_HOME:-$HOME/.cache}/sfumato/root
packages=$(sed 's/#.*//' "$here/$list" | xargs)
uid=$(id -u)
[ "$uid" = 0 ] && mode=root || mode=user
key=$(printf '%s\n' "$release" "$packages" "$pin" "$format" "$mode" | sha256sum | cut -c1-16)
root=$cache/$key

say() { printf 'dev: %s\n' "$*" >&2; }
die() { say "$@"; exit 125; }

# --- which environment ------------------------------------------------------------------------------------

# Sets $place to "here" (commands run as they are) or "root" (they run in $root), making it ready first.
find_place() {
  place=here
  [ ! -e "$marker" ] || return 0
  if [ -d "$root" ]; then place=root && check_mounts && return 0; fi
  ID= ID_LIKE= VERSION_ID=
  [ ! -r /etc/os-release ] || . /etc/os-release
  if [ "$ID" = debian ] && [ "${VERSION_ID:-99}" -lt 13 ]; then
    place=root
    make_root
  elif command -v apt-get >/dev/null && { [ "$ID" = debian ] || apt-cache show libgimp-3.0-dev >/dev/null 2>&1; }; then
    missing=
    for p in $packages; do
      case $(dpkg-query -W -f '${Status}' "$p" 2>/dev/null) in *' installed') ;; *) missing="$missing $p" ;; esac
    done
    [ -z "$missing" ] || apt_install $missing
  elif ! pkg-config --exists gimp-3.0 vulkan yyjson gdk-pixbuf-2.0 || ! command -v meson glslc >/dev/null; then
    die "this system has no GIMP 3 with development files, and I know no packages for it; README.md, 'Other systems', names them"
  fi
}

as_root() {
  if [ "$mode" = root ]; then "$@"; else sudo "$@"; fi
}

apt_install() {
  wanted=$*
  command -v apt-get >/dev/null || die "please install: $wanted"
  [ "$mode" = root ] || command -v sudo >/dev/null ||
    die "these packages are missing, and only root can install them: $wanted"
  say "installing $wanted"
  set -- env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install "$@"
  # The first try fails where the package lists are missing or old.
  as_root "$@" >/dev/null 2>&1 || { as_root apt-get -qq update >&2 && as_root "$@" >&2; } ||
    die "apt could not install: $wanted"
}

# --- making the root --------------------------------------------------------------------------------------

host_tools() {
  set --
  command -v mmdebstrap >/dev/null || set -- "$@" mmdebstrap
  command -v bwrap >/dev/null || set -- "$@" bubblewrap
  [ "$mode" = root ] || command -v newuidmap >/dev/null || set -- "$@" uidmap
  [ -e /usr/share/keyrings/debian-archive-trixie-stable.gpg ] || set -- "$@" debian-archive-keyring
  [ $# = 0 ] || apt_install "$@"
}

check_mounts() {
  command -v bwrap >/dev/null || host_tools
  # As root only this plain form counts: with --unshare-user entering would work, but not building.
  bwrap --ro-bind / / --dev-bind /dev /dev --proc /proc --unshare-pid true 2>/dev/null ||
    die "this machine does not let me mount (no CAP_SYS_ADMIN, or user namespaces are off)." \
      "In a container: start it with --privileged, or use a Debian 13 image, where no mount is needed."
}

# apt's own mirror for this machine: apt reads both of its file formats for us.
find_mirror() {
  apt-get indextargets --no-release-info --format '$(RELEASE) $(COMPONENT) $(REPO_URI)' 'Identifier: Packages' |
    awk -v name="${VERSION_CODENAME:-}" '$2 == "main" && ($1 == name || $1 == "stable") { print $3; exit }'
}

make_root() {
  umask 022
  mkdir -p "$cache" || die "cannot write to $cache"
  # The builder inherits descriptor 8: after kill -9 of this script the lock lasts as long as the builder does.
  exec 8>>"$cache/lock"
  if ! flock -n 8; then
    say "another ./dev is making the environment; waiting for it"
    flock 8
  fi
  if [ ! -d "$root" ]; then
    rm -rf "$cache"/*.part # whatever another call left half made
    host_tools
    check_mounts
    build_root
  fi
  exec 8>&-
}

build_root() {
  free=$(df -Pk "$cache" | awk 'NR == 2 { print $4 }')
  [ "$free" -ge 4194304 ] || die "the environment needs 4 GB below $cache, $((free / 1024)) MB are free"
  mirror=$(find_mirror)
  [ -n "$mirror" ] || die "apt names no Debian mirror: look at /etc/apt/sources.list"

  part=$root.part
  log=$cache/$key.log
  mkdir -p "$part.tmp"
  trap 'stop_building' INT TERM HUP
  # The proxy and the like, as this machine's apt has them.
  apt-config dump | grep -E '^Acquire::(http|https|ftp|Retries|ForceIPv|Check-)[^ ]* "[^"]+";' >"$part.tmp/apt.conf" || :
  echo 'Acquire::Languages "none"; APT::Install-Recommends "false"; Acquire::Retries "3";' >>"$part.tmp/apt.conf"
  printf '%s\n' "$pin" >"$part.tmp/mesa"

  set -- --variant=apt --aptopt="$part.tmp/apt.conf" --dpkgopt=force-unsafe-io \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
    --dpkgopt='path-exclude=/usr/share/info/*' --include="$(echo "$packages" | tr ' ' ,)" \
    --setup-hook="copy-in '$part.tmp/mesa' /etc/apt/preferences.d" \
    --customize-hook='chroot "$1" localedef -i en_US -f UTF-8 en_US.UTF-8' \
    --customize-hook='mkdir -p "$1/home/dev"' \
    --customize-hook="touch \"\$1$marker\""
  say "making the environment: a Debian 13 with the packages of $list in $cache (up to 430 MB to download, 1.9 GB on disk, one minute or two)"
  began=$(date +%s)
  if [ "$mode" = root ]; then
    TMPDIR=$part.tmp setsid bwrap --dev-bind / / --proc /proc --unshare-pid --die-with-parent --cap-add ALL \
      mmdebstrap --mode=root "$@" "$release" "$part" \
      "deb $mirror $release main" "deb $mirror $release-backports main" >"$log" 2>&1 &
  else
    # TMPDIR stays /tmp: below a closed home it would be out of reach for the sub-ids.
    mkdir "$part"
    setsid sh -c 'part=$1; shift; mmdebstrap --mode=unshare "$@" | tar -C "$part" --no-same-owner -p --exclude="./dev/*" -xf -' \
      sh "$part" "$@" "$release" - \
      "deb $mirror $release main" "deb $mirror $release-backports main" >"$log" 2>&1 &
  fi
  builder=$!
  wait "$builder" || :
  trap - INT TERM HUP
  if [ ! -e "$part$marker" ] || ! grep -q '^I: success' "$log"; then
    grep -E '^(E:|Err:|W: Failed)|No space left|mmdebstrap failed' "$log" | tail -n 8 >&2 || :
    rm -rf "$part" "$part.tmp"
    if grep -q 'No space left' "$log"; then die "the disk became full; the environment needs 4 GB below $cache${TMPDIR:+ and 2 GB in $TMPDIR}"
    elif grep -qE 'Could not connect|Could not resolve|Temporary failure|Failed to fetch' "$log"; then
      die "the package mirror that apt is set up with cannot be reached"
    elif grep -qiE 'Permission denied|not permitted|subuid' "$log"; then
      die "not permitted; an ordinary user needs a line in /etc/subuid and /etc/subgid. The whole log: $log"
    fi
    die "the environment could not be made; the whole log: $log"
  fi
  rm -rf "$part.tmp"
  mv -T "$part" "$root"
  say "the environment is ready ($(($(date +%s) - began)) s)"
}

stop_building() {
  trap '' INT TERM HUP
  [ -z "${builder:-}" ] || { kill -TERM "-$builder" 2>/dev/null || :; wait "$builder" 2>/dev/null || :; }
  rm -rf "$part" "$part.tmp"
  say "interrupted"
  exit 130
}

# --- entering it ------------------------------------------------------------------------------------------

# Replaces this shell by the command, run inside the root. bwrap, not chroot: signals and statuses are the
# command's own, nothing stays mounted, and nothing in it outlives the call.
enter() {
  share=$(dirname "$here")
  case $share in
    / | /bin | /boot | /dev | /etc | /home | /home/dev | /lib* | /proc | /run | /sbin | /sys | /tmp | /usr | /usr/* | /var) share=$here ;;
  esac
  cwd=$(pwd -P)
  case $cwd/ in "$share"/*) ;; *) cwd=$here ;; esac

  set -- -- env --default-signal=INT,QUIT "$@"
  for v in CI PREFIX G_MESSAGES_DEBUG QI_DEVICE QI_VALIDATE QI_PROFILE QI_MEMORY_LIMIT QI_KERNELS QI_STUB QI_REQUIRE_VULKAN; do
    eval "[ -z \"\${$v+x}\" ] || set -- --setenv $v \"\$$v\" \"\$@\""
  done
  [ "$mode" = root ] || set -- --unshare-user --uid 0 --gid 0 "$@"
  exec 9>>"$root.lock" # held while the command runs: nobody may delete the root under it
  flock -s 9
  trap '' INT QUIT # Ctrl+C is for the command
  exec bwrap --bind "$root" / --dev-bind /dev /dev --perms 1777 --tmpfs /dev/shm \
    --proc /proc --ro-bind /sys /sys --perms 1777 --tmpfs /tmp --tmpfs /run --perms 0700 --dir /run/user/0 \
    --ro-bind-try /etc/resolv.conf /etc/resolv.conf --ro-bind-try /etc/hosts /etc/hosts \
    --bind "$share" "$share" --chdir "$cwd" --unshare-pid --die-with-parent --clearenv \
    --setenv PATH /usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin --setenv HOME /home/dev \
    --setenv LANG C.UTF-8 --setenv TERM "${TERM:-dumb}" --setenv TZ UTC --setenv XDG_RUNTIME_DIR /run/user/0 \
    --setenv USER root "$@"
}

# --- installing from it -----------------------------------------------------------------------------------

# The machine's own libraries are too old for the program: it is installed inside the root, and what the user
# gets is a short script that enters the root with the user's own folders in sight. Does not return.
install_wrapper() {
  [ "$(id -u)" = 0 ] && ids= || ids=--unshare-user
  target=${PREFIX:-$HOME/.local}
  mkdir -p "$here/_build" "$target/bin"
  (PREFIX=/opt/sfumato && export PREFIX && enter "$here/dev" install) || exit
  cat >"$target/bin/sfumato.part" <<EOF
#!/bin/sh
# Made by Sfumato's ./dev install: runs the program inside the environment it was built in.
root='$root'
[ -x "\$root/opt/sfumato/bin/sfumato" ] || { echo "sfumato: its environment is gone; run ./dev install again" >&2; exit 125; }
set -- -- env --default-signal=INT,QUIT /opt/sfumato/bin/sfumato "\$@"
# Every folder of this machine which is no part of its system, under its own name: pictures may lie anywhere.
for d in /*; do
  case \$d in
    /bin | /boot | /dev | /etc | /lib* | /lost+found | /opt | /proc | /run | /sbin | /sys | /usr | /var) ;;
    *) [ ! -d "\$d" ] || [ -L "\$d" ] || set -- --bind "\$d" "\$d" "\$@" ;;
  esac
done
trap '' INT QUIT
exec bwrap $ids --bind "\$root" / --dev-bind /dev /dev --perms 1777 --tmpfs /dev/shm --proc /proc \\
  --ro-bind /sys /sys --tmpfs /run --bind-try /run/user /run/user \\
  --bind-try /var/tmp /var/tmp --ro-bind-try /etc/resolv.conf /etc/resolv.conf --unshare-pid --die-with-parent \\
  --chdir "\$(pwd -P)" --setenv PATH /usr/local/bin:/usr/bin:/bin "\$@"
EOF
  chmod +x "$target/bin/sfumato.part"
  mv "$target/bin/sfumato.part" "$target/bin/sfumato"
  say "installed: $target/bin/sfumato (it runs in $root)"
  say "this machine has no GIMP 3; ./dev run gimp starts the one in there, with the plug-in"
  case :$PATH: in *":$target/bin:"*) ;; *) say "$target/bin is not on your PATH" ;; esac
  exit 0
}
