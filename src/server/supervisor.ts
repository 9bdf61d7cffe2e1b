import { ForgeError } from "../errors.ts";
import type { ExecResult, Host } from "../host/index.ts";
import type { Supervisor } from "./types.ts";

/** Longer than a service manager waits for a service that starts or ends. */
const timeoutSeconds = 120;

/** The commands of a service manager, run through the host. `name` is the service's. */
export function supervisorOf(host: Host, manager: Supervisor["manager"], name: string): Supervisor {
  const argv = commands[manager](name);
  const run = async (what: "start" | "stop" | "restart"): Promise<void> => {
    const command = argv[what];
    const ran = await host.elevated(command, `${what} the service ${name}`, { timeoutSeconds });
    if (ran.exitCode === 0 || (what === "stop" && ran.exitCode === argv.unknown)) return;
    const words = await lastWords(host, argv.words);
    // The journal also holds what was wrong with earlier starts.
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
  return {
    manager,
    name,
    start: async () => {
      if (argv.forget !== undefined) await host.elevated(argv.forget, `start the service ${name}`, { timeoutSeconds });
      await run("start");
    },
    stop: () => run("stop"),
    restart: () => run("restart"),
  };
}

interface Commands {
  /** For a manager that refuses to start what failed too often; fails where there is nothing to forget. */
  readonly forget?: readonly string[];
  readonly start: readonly string[];
  readonly stop: readonly string[];
  readonly restart: readonly string[];
  /** What `stop` exits with when the manager has no such service, or not all of its parts: the others are stopped. */
  readonly unknown?: number;
  /** Prints what the service said last. */
  readonly words: readonly string[];
}

/** systemctl(1), rc-service(8), service(8). */
const commands: Readonly<Record<Supervisor["manager"], (name: string) => Commands>> = {
  // Not every service has a socket; one that has requires it, so starting the service is enough.
  systemd: (name) => ({
    forget: ["systemctl", "reset-failed", `${name}.socket`, `${name}.service`],
    start: ["systemctl", "start", `${name}.service`],
    stop: ["systemctl", "stop", `${name}.socket`, `${name}.service`],
    restart: ["systemctl", "restart", `${name}.service`],
    unknown: 5,
    words: ["journalctl", "--no-pager", "-q", "-o", "cat", "-n", "30", "-u", `${name}.service`, "-u", `${name}.socket`],
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
    .map(plain)
    .filter((line) => line !== "");
}

/** Without what would be a command to a terminal. */
function plain(text: string): string {
  return text.replaceAll(/\p{Cc}+/gu, " ").trim();
}

/** The reason in the server's own line of JSON, or null. */
function parseError(line: string): string | null {
  try {
    const value = JSON.parse(line) as { readonly error?: { readonly message?: unknown } } | null;
    const message = value?.error?.message;
    return typeof message === "string" ? plain(message) : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}
