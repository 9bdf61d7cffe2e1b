/** The start script of a prefix for FreeBSD (rc.subr(8), daemon(8)). */
import { shellFunctions } from "./shell.ts";
import type { ScriptOptions } from "./shell.ts";
import { shellWord } from "../../words.ts";

/** The name of a script and of its settings, which are shell variables. */
export function rcName(name: string): string {
  return name.replaceAll("-", "_");
}

/**
 * The text of `/usr/local/etc/rc.d/NAME`. It starts whatever generation is current. daemon(8) does not restart it: a generation that has handed
 * over ends by itself. Throws `host-refused` for a path that cannot stand in it.
 */
export function rcdScript(options: ScriptOptions): string {
  const name = rcName(options.name);
  const reload = options.reload !== undefined;
  return `#!/bin/sh

# PROVIDE: ${name}
# REQUIRE: LOGIN FILESYSTEMS NETWORKING
# KEYWORD: shutdown

. /etc/rc.subr

name=${name}
desc=${shellWord(`TLS server of ${options.prefix} (tlsforge)`)}
rcvar=${name}_enable
start_cmd=forge_start
stop_cmd=forge_stop
status_cmd=forge_tell
${reload ? "reload_cmd=forge_reload\nextra_commands=reload\n" : ""}
${shellFunctions(options, (program, config) => `/usr/sbin/daemon -f -S -T ${name} ${program} --config ${config}`)}
forge_tell() {
	if forge_status; then
		echo "${name} is running as pid $forge_found."
	else
		echo "${name} is not running."
		return 1
	fi
}

load_rc_config $name
: \${${name}_enable:=NO}
run_rc_command "$1"
`;
}
