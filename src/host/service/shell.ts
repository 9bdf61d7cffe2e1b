/** What OpenRC's and FreeBSD's scripts have in common: shell functions that start and end a prefix's server. */
import { absolutePath, plainText, shellWord } from "./words.ts";

/** What a start script is made from. All paths absolute. */
export interface ScriptOptions {
  /** `tlsforge`, or `tlsforge-<digest>`. */
  readonly name: string;
  readonly prefix: string;
  /** The server's configuration file. */
  readonly config: string;
  /** What `reload` runs, as root. */
  readonly reload?: readonly string[];
}

/** How the server is put into the background. */
type Launch = (program: string, config: string) => string;

/**
 * Functions `forge_start`, `forge_stop`, `forge_status` and, when there is something to run, `forge_reload`. A process is known by its pid file,
 * not by its command line: each generation has another. What stands by and what is on trial ends with the server.
 */
export function shellFunctions(options: ScriptOptions, launch: Launch): string {
  const program = shellWord(`${absolutePath(options.prefix, "prefix")}/current/bin/tlsforge-server`);
  const config = shellWord(absolutePath(options.config, "file"));
  const run = shellWord(`${options.prefix}/var/run`);
  const reload = options.reload?.map((word) => shellWord(plainText(word, "word"))).join(" ");
  return `forge_run=${run}

# The process that a pid file names, while it lives. The file outlives a boot, after which the number may be another's:
# its second line is the moment at which the process began, or "-" where that cannot be read.
forge_pid() {
	forge_found= forge_began=
	[ -r "$forge_run/$1.pid" ] || return 1
	{ read -r forge_found; read -r forge_began; } < "$forge_run/$1.pid"
	case $forge_found in "" | *[!0-9]*) return 1 ;; esac
	if [ "$forge_began" = - ]; then
		ps -o args= -p "$forge_found" 2>/dev/null | grep -q tlsforge-server
	else
		[ -n "$forge_began" ] && [ "$(forge_ticks "$forge_found")" = "$forge_began" ]
	fi
}

# Field 22 of proc(5), stat; the name before it may hold blanks.
forge_ticks() {
	[ -r "/proc/$1/stat" ] || return 1
	read -r forge_stat < "/proc/$1/stat"
	set -- \${forge_stat##*) }
	shift 19
	echo "$1"
}

forge_status() {
	forge_pid server
}

forge_start() {
	forge_pid server && return 0
	${program} --config ${config} --check || return 1
	${launch(program, config)} || return 1
	forge_left=30
	while ! forge_pid server; do
		[ "$forge_left" -gt 0 ] || return 1
		forge_left=$((forge_left - 1))
		sleep 1
	done
}

forge_stop() {
	for forge_role in trial server standby; do
		forge_pid "$forge_role" && forge_end "$forge_found"
	done
	return 0
}

forge_end() {
	kill -TERM "$1" 2>/dev/null
	forge_left=30
	while kill -0 "$1" 2>/dev/null; do
		[ "$forge_left" -gt 0 ] || kill -KILL "$1" 2>/dev/null
		forge_left=$((forge_left - 1))
		sleep 1
	done
}
${reload === undefined ? "" : `\nforge_reload() {\n\t${reload}\n}\n`}`;
}
