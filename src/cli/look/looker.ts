import { ForgeError } from "../../errors.ts";
import type { Report } from "../../grade/index.ts";
import type { Proxy, StartTls } from "../../probe/index.ts";
import { status } from "../../server/light.ts";
import { readAnchors } from "./anchors.ts";
import { authorityFile } from "../unchanged/quick.ts";
import type { Context } from "../context.ts";
import { readTextIfThere } from "../files.ts";
import { look, type LookRequest, type Reach } from "./look.ts";
import type { TargetSpec } from "./targets.ts";

/** How targets are looked at, and whom a look trusts. */
export interface Looking {
  readonly serverName?: string;
  /** PEM files with anchors to trust besides the system's. */
  readonly ca: readonly string[];
  readonly family?: 4 | 6;
  readonly startTls?: StartTls;
  readonly proxy?: Proxy;
  readonly gentle?: boolean;
  /** Connections per second, over all targets. */
  readonly rate?: number;
  /** For each target. */
  readonly maxConnections?: number;
  readonly maxSeconds?: number;
}

/** Looks at one target; what it says itself wins over what was asked for all. */
export type LookAt = (of: TargetSpec & Partial<LookRequest>) => Promise<Report>;

/** What looks at targets as asked, within the limits for all of them. Reads the files of `--ca`; throws `usage`. */
export async function lookerFor(context: Context, request: Looking): Promise<LookAt> {
  const ca = await Promise.all(
    request.ca.map((file) => readAnchors(file, "--ca", (problem, more) => new ForgeError("usage", problem, more))),
  );
  const reach = await reachOf(request);
  const authorityOf = ownAuthority(context);
  return async ({ host, port, reach: own, ...more }) =>
    look(context, {
      host,
      port,
      ca,
      authority: await authorityOf(host, port),
      reach: { ...reach, ...own },
      ...(request.serverName === undefined ? {} : { serverName: request.serverName }),
      ...more,
    });
}

async function reachOf(request: Looking): Promise<Reach> {
  const { gentle, rate, maxConnections, maxSeconds, startTls, proxy, family } = request;
  return {
    ...(gentle === undefined ? {} : { gentle }),
    ...(rate === undefined ? {} : { pace: (await import("../../probe/index.ts")).createPace(rate) }),
    ...(maxConnections === undefined ? {} : { budget: maxConnections }),
    ...(maxSeconds === undefined ? {} : { totalMs: maxSeconds * 1000 }),
    ...(startTls === undefined ? {} : { startTls }),
    ...(proxy === undefined ? {} : { proxy }),
    ...(family === undefined ? {} : { family }),
  };
}

/** Our own authority is trusted for the server of this prefix without being named. The server is asked once. */
function ownAuthority(context: Context): (host: string, port: number) => Promise<string | null> {
  const { prefix } = context.options;
  let asked: ReturnType<typeof status> | undefined;
  return async (host, port) => {
    const state = await (asked ??= status(prefix));
    const here = /^(localhost|127\..*|::1)$/.test(host);
    const own =
      state.state === "serving" &&
      state.status.listen.some(
        (address) => address.endsWith(`:${port}`) && (here || address.replace(/[[\]]/g, "") === `${host}:${port}`),
      );
    const file = own && state.state === "serving" ? authorityFile(prefix, state.status) : null;
    return file === null ? null : readTextIfThere(file);
  };
}
