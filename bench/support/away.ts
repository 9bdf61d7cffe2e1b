/** A server of this machine, made to look as if it were far away. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import path from "node:path";
import { ForgeError } from "../../src/errors.ts";

export interface Away {
  /** `ADDRESS:PORT` to connect to, for programs that `inside` begins. */
  readonly target: string;
  /** What goes before a program's own arguments, to run it where the target is. */
  readonly inside: readonly string[];
  readonly close: () => Promise<void>;
}

/**
 * Puts the server at `target` behind a round trip of `ms` milliseconds, in a network namespace made for it. Needs Linux, root, `/dev/net/tun` and the programs
 * unshare, nsenter and ip. `work` is a folder for a socket.
 */
export async function putAway(
  target: string,
  of: { readonly ms: number; readonly python: string; readonly work: string },
): Promise<Away> {
  const socket = path.join(of.work, "server.sock");
  const colon = target.lastIndexOf(":");
  const [host, port] = [target.slice(0, colon).replaceAll(/[[\]]/g, ""), Number(target.slice(colon + 1))];
  const crossing = createServer({ allowHalfOpen: true }, (client) => {
    const upstream = connect({ host, port, allowHalfOpen: true, noDelay: true });
    client.on("error", () => upstream.resetAndDestroy());
    upstream.on("error", () => client.destroy());
    client.pipe(upstream).pipe(client);
  }).listen(socket);
  await once(crossing, "listening");
  const script = path.join(import.meta.dirname, "away.py");
  const child = spawn("unshare", ["--net", of.python, script, String(of.ms), socket], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  child.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()));
  const [first] = (await Promise.race([once(child.stdout, "data"), once(child, "close")])) as [unknown];
  if (!Buffer.isBuffer(first)) {
    crossing.close();
    throw new ForgeError("not-found", "No network namespace with a delay could be made", {
      hint: "this takes Linux, root, /dev/net/tun and the programs unshare, nsenter and ip",
      details: said.trim().split("\n").slice(-3),
    });
  }
  return {
    target: "10.9.0.2:443",
    inside: ["nsenter", "--net", "--target", String(child.pid)],
    async close() {
      child.kill("SIGKILL");
      crossing.close();
      await once(child, "close");
    },
  };
}
