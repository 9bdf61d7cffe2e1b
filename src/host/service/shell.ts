/** What OpenRC's and FreeBSD's scripts have in common: shell functions that start and end a prefix's server. */
import { shellWord } from "../../words.ts";
import { absolutePath, plainText } from "./words.ts";

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
# its second line is the moment at which the process began, or "-" where that cannot be read. The folder is the server's
# user's, who could leave a pipe there, a link, or the number of another user's process.
forge_pid() {
	forge_found= forge_began= forge_file="$forge_run/$1.pid"
	[ -f "$forge_file" ] && [ ! -L "$forge_file" ] && [ -r "$forge_file" ] || return 1
	{ read -r forge_found; read -r forge_began; } <<FORGE
$(head -c 64 "$forge_file")
FORGE
	case $forge_found in "" | *[!0-9]*) return 1 ;; esac
	forge_lives || return 1
	[ "$(forge_user)" = "$(forge_owner "$forge_file")" ]
}

forge_lives() {
	if [ "$forge_began" = - ]; then
		ps -o args= -p "$forge_found" 2>/dev/null | grep -q tlsforge-server
	else
		[ -n "$forge_began" ] && [ "$(forge_ticks "$forge_found")" = "$forge_began" ]
	fi
}

# The number of the user whom the process runs as.
forge_user() {
	if [ -d "/proc/$forge_found" ]; then
		forge_owner "/proc/$forge_found"
	else
		ps -o uid= -p "$forge_found" | tr -d ' '
	fi
}

forge_owner() {
	ls -ldn "$1" | { read -r forge_mode forge_links forge_uid forge_rest; echo "$forge_uid"; }
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
	forge_failed=0
	for forge_role in trial server standby; do
		! forge_pid "$forge_role" || forge_end || forge_failed=1
	done
	return $forge_failed
}

forge_end() {
	kill -TERM "$forge_found" 2>/dev/null
	forge_left=30
	while forge_lives; do
		[ "$forge_left" -gt -10 ] || return 1
		[ "$forge_left" -gt 0 ] || kill -KILL "$forge_found" 2>/dev/null
		forge_left=$((forge_left - 1))
		sleep 1
	done
}
${reload === undefined ? "" : `\nforge_reload() {\n\t${reload}\n}\n`}`;
}
