#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What `make install` puts below DESTDIR and PREFIX is whole: the tool finds its lessons, programs and translations from
# there, called from anywhere, also after the tree was moved; completion knows what the tool knows; uninstall leaves nothing.
# Plays no lesson: that is tests/live.
set -u
cd "$(dirname "$0")/.." || exit 1
wrong=0
check() { if "${@:2}"; then echo "ok - install: $1"; else echo "not ok - install: $1"; wrong=1; fi; }
make_it() { env -u MAKEFLAGS -u SAN -u STATIC make --no-print-directory -s "$@" DESTDIR="$root" PREFIX="$prefix" >"$root.log" 2>&1; }
unset SOCKTALE_LESSONS SOCKTALE_DEMOS LANGUAGE LC_ALL LC_MESSAGES
export LANG=C

root=$(mktemp -d) || exit 1
prefix=/opt/with-a-prefix
trap 'rm -rf "$root" "$root.moved" "$root.log"' EXIT
touch "$root/others"
# Built for the usual PREFIX again at the end: whoever runs this test goes on with the same tree.
check "make install" make_it install
sed 's/^/#   /' "$root.log"
tool=$root$prefix/bin/socktale
check "the tool" [ -x "$tool" ]
check "nothing outside of DESTDIR and PREFIX" [ "$(find "$root" -mindepth 1 -maxdepth 2 | sed "s|$root||" | sort | tr '\n' ' ')" = "/opt /opt/with-a-prefix /others " ]
check "a manual page for each in docs/" [ "$(ls "$root$prefix/share/man/man1")" = "$(cd docs && ls ./*.1 | sed 's|./||')" ]
check "the programs of the lessons" [ "$(ls "$root$prefix/lib/socktale/demos" | wc -l)" = "$(ls demos/*.c | wc -l)" ]
check "no folder of the checkout is in the tool" eval '! grep -qF "$PWD/demos" "$tool"'
lessons=$(find demos/lessons -name '*.lesson' | wc -l)
lists() { (cd / && "$1" play --list "${@:2}" 2>"$root.log") | grep -c '^ *[0-9]'; }
check "play --list from another folder: $lessons lessons" [ "$(lists "$tool")" = "$lessons" ]
if command -v msgfmt >/dev/null; then
	speaks() { (cd / && "$@" 2>&1) | grep -q '[一-龥]'; }
	check "--lang zh speaks Chinese" speaks "$tool" --lang zh --help
	check "so does LC_ALL=zh_CN.UTF-8, whether or not that locale is there" speaks env LC_ALL=zh_CN.UTF-8 "$tool" play --list
	check "errors, too" speaks "$tool" tell /no/such/file --lang=zh
	check "C stays English" eval '! speaks "$tool" play --list'
fi
check "a language without translation is refused: status 2" eval '"$tool" list --lang xx >/dev/null 2>&1; [ $? = 2 ]'
mv "$root" "$root.moved" && mkdir "$root"
check "a moved tree works as well" [ "$(lists "$root.moved$prefix/bin/socktale")" = "$lessons" ]
rmdir "$root" && mv "$root.moved" "$root"
ln -s "$tool" "$root/link"
check "so does a link to it" [ "$(lists "$root/link")" = "$lessons" ]

# COMP_WORDS...: what completion offers for the last word
offers() {
	PATH=$root$prefix/bin:$PATH bash -c '
		compopt() { :; }
		. "$1"; shift
		COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _socktale
		printf "%s\n" "${COMPREPLY[@]}"' - "$root$prefix/share/bash-completion/completions/socktale" "$@"
}
has() { grep -qx -- "$1" <<<"$2"; }
check "completion: commands" has trace "$(offers socktale tr)"
check "completion: options of a command" has --state "$(offers socktale list --st)"
check "completion: short options" has -p "$(offers socktale trace -)"
check "completion: values of an option" has functions "$(offers socktale trace --plane f)"
check "completion: events behind a comma" has tcp_send,tcp_recv "$(offers socktale trace -e tcp_send,tcp_rec)"
check "completion: lessons" has handshake "$(offers socktale play hand)"
check "completion: states" has LISTEN "$(offers socktale list --state LI)"
check "completion: nothing that is not there" [ -z "$(offers socktale nothing-of-the-kind)" ]

check "make uninstall" make_it uninstall
rm -f "$root/link"
check "leaves no file, and what others put there" [ "$(find "$root" ! -type d)" = "$root/others" ]
env -u MAKEFLAGS -u SAN -u STATIC make --no-print-directory -s all >/dev/null 2>&1
[ $wrong = 0 ]
