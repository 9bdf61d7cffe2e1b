/** Servers as processes: started, known by their port, ended for certain. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../port.ts";

export interface Server {
  readonly port: number;
  readonly stop: () => Promise<void>;
}

export interface Command {
  readonly program: string;
  readonly argv: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

/** Starts a program that says its port: `said` finds it in what it has written so far. */
export async function startSaying(command: Command, said: RegExp): Promise<Server> {
  const { child, output, stop } = run(command);
  const end = performance.now() + 20_000;
  for (;;) {
    const port = said.exec(output())?.[1];
    if (port !== undefined) return { port: Number(port), stop };
    if (child.exitCode !== null || child.signalCode !== null || performance.now() > end) {
      await stop();
      throw new Error(`${command.program} ${command.argv.join(" ")} did not start: ${output()}`);
    }
    await sleep(10);
  }
}

/** Starts a program on a port that was free a moment ago; it is there when it takes a connection. */
export async function startOn(commandFor: (port: number) => Command | Promise<Command>): Promise<Server> {
  const port = await freePort();
  const command = await commandFor(port);
  const { child, output, stop } = run(command);
  const end = performance.now() + 20_000;
  while (!(await takesConnection(port))) {
    if (child.exitCode !== null || child.signalCode !== null || performance.now() > end) {
      await stop();
      throw new Error(`${command.program} ${command.argv.join(" ")} did not start: ${output()}`);
    }
    await sleep(20);
  }
  return { port, stop };
}

function run(command: Command): { child: ChildProcess; output: () => string; stop: () => Promise<void> } {
  const child = spawn(command.program, command.argv, {
    env: { ...process.env, ...command.environment },
    // A terminal at its end makes some servers quit, so theirs stays open. Their own group: they may have workers.
    stdio: ["pipe", "pipe", "pipe"],
    detached: true,
  });
  let text = "";
  const keep = (chunk: Buffer): void => {
    if (text.length < 100_000) text += chunk.toString("latin1");
  };
  child.stdout.on("data", keep);
  child.stderr.on("data", keep);
  child.stdin.on("error", () => {});
  const closed = new Promise<void>((resolve) => {
    child.once("error", (error) => {
      text += error.message;
      resolve();
    });
    child.once("close", () => resolve());
  });
  return {
    child,
    output: () => text,
    stop: async () => {
      killGroup(child);
      await closed;
    },
  };
}

function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}

async function takesConnection(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
