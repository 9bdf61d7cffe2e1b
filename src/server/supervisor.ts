import { ForgeError } from "../errors.ts";
import type { ExecResult, Host } from "../host/index.ts";
import { plain } from "./light.ts";
import type { Supervisor } from "./types.ts";

/** Longer than a service manager waits for a service that starts or ends. */
const timeoutSeconds = 120;

/** The commands of a service manager, run through the host. `name` is the service's. */
export function supervisorOf(host: Host, manager: Supervisor["manager"], name: string): Supervisor {
  const argv = commands[manager](name);
  const change = (command: readonly string[], what: string): Promise<ExecResult> =>
    host.elevated(command, `${what} the service ${name}`, { timeoutSeconds });
  const run = async (what: "start" | "stop" | "restart"): Promise<void> => {
    const began = Math.floor(Date.now() / 1000);
    let ran = await change(argv[what], what);
    if (what === "stop" && argv.alone !== undefined && ran.exitCode === argv.alone.unknown) {
      // The exit code is that of the first part that is not there, and says nothing of the service itself.
      ran = await change(argv.alone.stop, what);
      if (ran.exitCode === argv.alone.unknown) return;
    }
    if (ran.exitCode === 0) return;
    const words = await lastWords(host, [...argv.words, ...(argv.since?.(began) ?? [])]);
    const told = words.map(parseError).findLast((each) => each !== null);
    throw new ForgeError(
      "server-failed",
      `${manager} could not ${what} ${name}${told === undefined || told === null ? "" : `: ${told}`}`,
      {
        details: [...tail(ran), ...words.slice(-12)],
        hint: `see the whole answer with: ${argv.words.join(" ")}`,
      },
    );
  };
  const anew = async (what: "start" | "restart"): Promise<void> => {
    if (argv.forget !== undefined) await change(argv.forget, what);
    await run(what);
  };
  return {
    manager,
    name,
    start: () => anew("start"),
    stop: () => run("stop"),
    restart: () => anew("restart"),
  };
}

interface Commands {
  /** For a manager that refuses to start what failed too often; fails where there is nothing to forget. */
  readonly forget?: readonly string[];
  readonly start: readonly string[];
  readonly stop: readonly string[];
  readonly restart: readonly string[];
  /** For a service of several parts: stops the service itself, and what both ways of stopping exit with for something that is not there. */
  readonly alone?: { readonly stop: readonly string[]; readonly unknown: number };
  /** Prints what the service said last. */
  readonly words: readonly string[];
  /** Leaves out of it what was said before a moment (seconds since 1970), of earlier starts. */
  readonly since?: (seconds: number) => readonly string[];
}

/** systemctl(1), rc-service(8), service(8). */
const commands: Readonly<Record<Supervisor["manager"], (name: string) => Commands>> = {
  // Not every service has a socket; one that has requires it, so starting the service is enough.
  systemd: (name) => ({
    forget: ["systemctl", "reset-failed", `${name}.socket`, `${name}.service`],
    start: ["systemctl", "start", `${name}.service`],
    stop: ["systemctl", "stop", `${name}.socket`, `${name}.service`],
    restart: ["systemctl", "restart", `${name}.service`],
    alone: { stop: ["systemctl", "stop", `${name}.service`], unknown: 5 },
    words: ["journalctl", "--no-pager", "-q", "-o", "cat", "-n", "30", "-u", `${name}.service`, "-u", `${name}.socket`],
    since: (seconds) => ["--since", `@${seconds}`],
  }),
  openrc: (name) => ({
    start: ["rc-service", name, "start"],
    stop: ["rc-service", name, "stop"],
    restart: ["rc-service", name, "restart"],
    words: ["rc-service", name, "describe"],
  }),
  "rc.d": (name) => ({
    start: ["service", name, "start"],
    stop: ["service", name, "stop"],
    restart: ["service", name, "restart"],
    words: ["service", name, "status"],
  }),
};

async function lastWords(host: Host, argv: readonly string[]): Promise<readonly string[]> {
  return linesOf((await host.exec(argv, { timeoutSeconds: 10 })).stdout);
}

function tail({ stderr, stdout }: ExecResult): readonly string[] {
  return linesOf(`${stderr}\n${stdout}`).slice(-5);
}

function linesOf(text: string): readonly string[] {
  return text
    .split("\n")
    .map((line) => plain(line).trim())
    .filter((line) => line !== "");
}

/** The reason in the server's own line of JSON, or null. */
function parseError(line: string): string | null {
  try {
    const value = JSON.parse(line) as { readonly error?: { readonly message?: unknown } } | null;
    const message = value?.error?.message;
    return typeof message === "string" ? plain(message).trim() : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}
