import { splitAddress } from "../../address.ts";
import type { KnownFlaw } from "../../store/index.ts";
import { shellWord } from "../../words.ts";
import { vulnerableText } from "./vulnerable.ts";

/** How to get at a server that serves. */
export interface Reach {
  readonly listen: readonly string[];
  readonly names: readonly string[];
  /** The authority's certificate file, when the server's certificate is from our own. */
  readonly authority: string | null;
  readonly prefix: string;
  /** How this program is called from a shell. */
  readonly program: string;
  readonly html: string;
  readonly outcome: "done" | "unchanged";
  readonly warnings: readonly string[];
  /** The known holes of a stack that is only reproduced. */
  readonly vulnerable: readonly KnownFlaw[];
}

/** Where to look at a server from this machine: an address that means "all" is reached over loopback. */
export function endpointOf(server: { readonly listen: readonly string[]; readonly names: readonly string[] }): {
  readonly host: string;
  readonly port: number;
  readonly serverName: string;
} {
  const first = server.listen[0] ?? "127.0.0.1:8443";
  const { host: written, port } = splitAddress(first);
  const host = written === "0.0.0.0" ? "127.0.0.1" : written === "::" ? "::1" : written;
  return { host, port, serverName: server.names[0] ?? "localhost" };
}

/** The last lines of a provision: how to reach, trust and stop what serves, and what must not be overlooked. */
export function reachText(reach: Reach): string {
  const { host, port, serverName } = endpointOf(reach);
  const url = `https://${serverName}${port === 443 ? "" : `:${port}`}/`;
  const literal = host.includes(":") ? `[${host}]` : host;
  const trust = reach.authority === null ? "" : ` --cacert ${shellWord(reach.authority)}`;
  const resolve = serverName === "localhost" ? "" : ` --resolve ${serverName}:${port}:${literal}`;
  return [
    ...(reach.outcome === "unchanged" ? ["Nothing to do.", ""] : []),
    `Reach it   curl${trust}${resolve} ${url}`,
    ...(reach.authority === null
      ? []
      : [
          `Trust it   add ${reach.authority} to your browser or system store (the local authority of this prefix alone)`,
        ]),
    `Report     ${reach.html}`,
    `Stop it    ${shellWord(reach.program)} stop --prefix ${shellWord(reach.prefix)}`,
    ...reach.warnings.map((warning) => `Note       ${warning}`),
    ...(reach.vulnerable.length === 0 ? [] : ["", ...vulnerableText(reach.vulnerable, reach.listen)]),
    "",
  ].join("\n");
}
