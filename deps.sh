#!/bin/sh
# deps.sh - install what building, testing and the pipelines need, by apt.
#
# Says what it installs, and does nothing where all is there. Package names
# differ between releases of Debian and Ubuntu: each line below is one need,
# its words are the packages that meet it, and the first that apt knows is
# installed. "deps.sh NEED..." installs those instead ("deps.sh clang"); a
# need of several names is one argument: "libmsgpack-c-dev libmsgpack-dev".
set -euf

needs='gcc
libc6-dev
make
libmsgpack-c-dev libmsgpack-dev
libxxhash-dev
libjansson-dev
libpcre2-dev
libzip-dev
zlib1g-dev
libopenblas0-pthread libopenblas0
perl
parallel
gnuplot-nox gnuplot-qt gnuplot-x11
graphviz
fonts-dejavu-core
jq
cmark-gfm'

case $(uname -m) in
x86_64) needs="$needs
libdnnl-dev" ;; # for bfloat16
esac

die() {
	echo "deps: $*" >&2
	exit 1
}

installed() {
	[ "$(dpkg-query -W -f='${db:Status-Status}' -- "$1" 2>/dev/null)" = installed ]
}

# Would apt install a package of this name?
known() {
	apt-cache policy -- "$1" 2>/dev/null | grep -q '^  Candidate: [^(]'
}

# met PACKAGE...: is one of them installed?
met() {
	for package; do
		installed "$package" && return 0
	done
	return 1
}

# choose PACKAGE...: print the first that apt knows
choose() {
	for package; do
		known "$package" && printf '%s\n' "$package" && return 0
	done
	return 1
}

# The packages to install for what is unmet, one a line; a need that apt cannot
# meet goes to $unknown.
resolve() {
	wanted='' unknown=''
	while read -r need; do
		# shellcheck disable=SC2086 # the words of a need are its packages
		if met $need; then
			continue
		elif package=$(choose $need); then
			wanted="$wanted $package"
		else
			unknown="$unknown ${need%% *}"
		fi
	done <<-END
		$needs
	END
}

as_root() {
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	else
		sudo "$@"
	fi
}

update() {
	echo "deps: apt-get update" >&2
	as_root apt-get -qq update || echo "deps: apt-get update failed, going on without it" >&2
}

# shellcheck disable=SC2086 # $wanted is a list
install() {
	as_root env DEBIAN_FRONTEND=noninteractive \
		apt-get -qq -y --no-install-recommends install -- $wanted </dev/null >&2
}

if [ $# -gt 0 ]; then
	needs=$(printf '%s\n' "$@")
fi
command -v apt-get >/dev/null ||
	die "no apt-get here: install by your system's means what these Debian packages hold:" \
		"$(printf '%s' "$needs" | sed 's/ .*//' | tr '\n' ' ')"

resolve
if [ -z "$wanted$unknown" ]; then
	echo "deps: all is there" >&2
	exit 0
fi
[ "$(id -u)" -eq 0 ] || command -v sudo >/dev/null ||
	die "not root, and no sudo: as root run: apt-get install$wanted$unknown"
if [ -n "$unknown" ]; then
	update
	resolve
	[ -z "$unknown" ] || die "apt knows no package for:$unknown (on Ubuntu they are in universe)"
fi
echo "deps: installing$wanted" >&2
if ! install; then # lists older than the archive name files that are gone
	update
	install || die "apt-get could not install:$wanted"
fi
