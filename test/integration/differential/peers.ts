import type { Facts } from "../../tools/fleet/facts.ts";
import { sslscan } from "./sslscan.ts";
import { sslyze } from "./sslyze.ts";
import { testssl } from "./testssl.ts";

/** Another program that looks at TLS servers. */
export interface Peer {
  readonly name: string;
  /** Ending of its recorded outputs. */
  readonly file: string;
  /** Where it is; null where it is not installed. */
  readonly program: () => string | null;
  /** Looks at a port of this machine; gives its output. */
  readonly run: (port: number) => Promise<string>;
  /** Only what is read here, without times, ports and paths. */
  readonly trim: (output: string) => string;
  /** From what `trim` left. */
  readonly facts: (trimmed: string) => Facts;
}

export const peers: readonly Peer[] = [sslscan, sslyze, testssl];
