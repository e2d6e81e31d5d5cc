# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# Completion for bash: commands, options and their values. Asks the tool itself what there is, so it knows no option by name
# and never grows old; only which values belong to which kind of option is said here.

_socktale_say() { LC_ALL=C command "$1" "${@:2}" 2>/dev/null; }

_socktale_options() { _socktale_say "$1" "$2" --help | grep -oE -- '(^ +|, )-{1,2}[A-Za-z?][a-z-]*' | grep -oE -- '-{1,2}[A-Za-z?][a-z-]*'; }

# What `--help` writes behind an option: en|zh, inet,inet6,unix, FILE, ...
_socktale_value() {
	_socktale_say "$1" "$2" --help | sed -nE "s/^ +(-[a-z], )?(--[a-z-]+)=([^ ]+).*/\\1 \\2 \\3/p" | tr -d , |
		awk -v option="$3" '{ for (i = 1; i < NF; i++) if ($i == option) { print $NF; exit } }'
}

_socktale() {
	local tool=${COMP_WORDS[0]} word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command='' value i


	COMPREPLY=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		[[ ${COMP_WORDS[i]} == -- ]] && { compopt -o default; return; } # the traced command's own arguments
		[[ -z $command && ${COMP_WORDS[i]} != -* && ${COMP_WORDS[i - 1]} != --lang ]] && command=${COMP_WORDS[i]}
	done
	[[ $word == '=' ]] && word=''
	[[ $before == '=' ]] && before=${COMP_WORDS[COMP_CWORD - 2]}
	if [[ -z $command ]]; then
		mapfile -t COMPREPLY < <(compgen -W "--help --version --lang $(_socktale_say "$tool" --help |
			awk '/^Commands:/ { on = 1; next } /^$/ { on = 0 } on { print $1 }')" -- "$word")
		return
	fi
	if [[ $before == -* ]]; then
		case $before in
		-e | --event)
			compopt -o nospace
			value=${word%"${word##*,}"}
			mapfile -t COMPREPLY < <(compgen -P "$value" -W "$(_socktale_say "$tool" trace -e help | cut -d' ' -f1)" -- "${word##*,}")
			return ;;
		-p | --pid) mapfile -t COMPREPLY < <(compgen -W "$(cd /proc && echo [0-9]*)" -- "$word"); return ;;
		--state)
			mapfile -t COMPREPLY < <(compgen -W "$(_socktale_say "$tool" list --state help | cut -d' ' -f1)" -- "$word"); return ;;
		esac
		value=$(_socktale_value "$tool" "$command" "$before")
		case $value in
		'') ;;
		*FILE* | *PATH*) compopt -o default; return ;;
		*[a-z]*) mapfile -t COMPREPLY < <(compgen -W "${value//[|,]/ }" -- "$word"); return ;;
		*) return ;; # a number, a name, an address: nobody knows which
		esac
	fi
	if [[ $word == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$(_socktale_options "$tool" "$command")" -- "$word")
		return
	fi
	case $command in
	play) mapfile -t COMPREPLY < <(compgen -W "$(_socktale_say "$tool" play --list | awk '{ print $2 }')" -- "$word") ;;
	events) mapfile -t COMPREPLY < <(compgen -W "$(_socktale_say "$tool" trace -e help | cut -d' ' -f1)" -- "$word") ;;
	trace) [[ -z $word ]] && COMPREPLY=(--) ;;
	*) compopt -o default ;;
	esac
}

complete -F _socktale socktale
