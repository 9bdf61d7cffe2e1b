/** A load of new connections on a server, each with a handshake and one request, until it is told to stop. */
import { readFileSync } from "node:fs";
import { request } from "node:https";
import { setTimeout as sleep } from "node:timers/promises";

export interface LoadOptions {
  /** `ADDRESS:PORT`. */
  readonly target: string;
  readonly serverName: string;
  /** The authority's certificate file. */
  readonly authority: string;
  readonly clients: number;
  /** Of each client, between two requests. */
  readonly pauseMs: number;
}

export interface LoadResult {
  readonly answered: number;
  /** What the others ended with, one entry each. */
  readonly failures: readonly string[];
}

/** Begins at once; the result of `stop` holds every request that was made. */
export function startLoad(options: LoadOptions): { readonly stop: () => Promise<LoadResult> } {
  const ca = readFileSync(options.authority);
  const failures: string[] = [];
  let answered = 0;
  let over = false;
  const client = async (): Promise<void> => {
    while (!over) {
      const failure = await one(options, ca);
      if (failure === null) answered += 1;
      else failures.push(failure);
      await sleep(options.pauseMs);
    }
  };
  const clients = Array.from({ length: options.clients }, client);
  return {
    async stop() {
      over = true;
      await Promise.all(clients);
      return { answered, failures };
    },
  };
}

/** One connection and one request; why it failed, or null. */
function one({ target, serverName }: LoadOptions, ca: Buffer): Promise<string | null> {
  const split = target.lastIndexOf(":");
  const host = target.slice(0, split).replaceAll(/^\[|\]$/g, "");
  return new Promise((resolve) => {
    const sent = request(
      { host, port: Number(target.slice(split + 1)), servername: serverName, ca, agent: false, timeout: 10_000 },
      (answer) => {
        answer.on("end", () => resolve(answer.statusCode === 200 ? null : `status ${answer.statusCode ?? 0}`));
        answer.on("error", (error) => resolve(error.message));
        answer.resume();
      },
    );
    sent.on("timeout", () => sent.destroy(new Error("no answer within 10 s")));
    sent.on("error", (error) => resolve(error.message));
    sent.end();
  });
}
