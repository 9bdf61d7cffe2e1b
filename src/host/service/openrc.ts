/** The start script of a prefix for OpenRC (openrc-run(8)). */
import { shellFunctions } from "./shell.ts";
import type { ScriptOptions } from "./shell.ts";
import { shellWord } from "../../words.ts";

/**
 * The text of `/etc/init.d/NAME`. It starts whatever generation is current. Not under supervise-daemon: a generation that has handed over
 * ends by itself, and would be started again. Throws `host-refused` for a path that cannot stand in it.
 */
export function openrcScript(options: ScriptOptions): string {
  const reload = options.reload !== undefined;
  return `#!/sbin/openrc-run
description=${shellWord(`TLS server of ${options.prefix} (tlsforge)`)}
${reload ? 'extra_started_commands="reload"\n' : ""}
${shellFunctions(options, (program, config) => `${program} --config ${config} --detach`)}
depend() {
	need net
	use dns logger
	after firewall
}

start() {
	ebegin "Starting $RC_SVCNAME"
	forge_start
	eend $?
}

stop() {
	ebegin "Stopping $RC_SVCNAME"
	forge_stop
	eend $?
}

status() {
	if forge_status; then
		einfo "status: started"
	else
		eerror "status: stopped"
		return 3
	fi
}
${
  reload
    ? `
reload() {
	ebegin "Reloading $RC_SVCNAME"
	forge_reload
	eend $?
}
`
    : ""
}`;
}
