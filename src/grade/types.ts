/** A judged report: what rulebooks say of recorded observations. */
import type { Observations } from "../probe/types.ts";

export interface Finding {
  /** Stable, without spaces: `ssllabs.protocol.tls13-missing`. */
  readonly id: string;
  readonly outcome: "pass" | "fail" | "unknown" | "info";
  readonly severity: "info" | "low" | "medium" | "high" | "critical";
  readonly message: string;
  readonly evidence: string;
  /** Document and section, or address. */
  readonly reference: string;
  /** What would mend it; null when nothing is wrong. */
  readonly fix: string | null;
}

/** The best grade that a finding still allows. */
export interface Cap {
  readonly grade: string;
  readonly finding: string;
  readonly reason: string;
  readonly reference: string;
}

export interface GradeResult {
  /** A+ … F, T, M, or null when it cannot be said. */
  readonly grade: string | null;
  /** The grade as it would be with a trusted chain. */
  readonly gradeTrustIgnored: string | null;
  readonly scores: { readonly protocol: number; readonly keyExchange: number; readonly cipher: number; readonly total: number } | null;
  readonly caps: readonly Cap[];
  readonly warnings: readonly Cap[];
  /** What was unknown in a decisive place; not empty exactly when the grade is incomplete. */
  readonly incomplete: readonly string[];
}

export interface Report {
  readonly schema: "tlsforge.report/1";
  readonly target: Observations["target"];
  readonly time: string;
  /** Null until all three rulebooks judge. */
  readonly aaa: boolean | null;
  readonly grades: Readonly<Record<string, GradeResult>>;
  readonly findings: readonly Finding[];
  readonly observations: Omit<Observations, "schema" | "time" | "target" | "connections" | "bytesSent" | "bytesReceived" | "seconds">;
  readonly connections: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  readonly seconds: number;
}
