/** A judged report: what rulebooks say of recorded observations. */
import type { Observations } from "../probe/index.ts";

/** A letter of SSL Labs' scale, best first; T: not trusted, M: the name does not match. */
export type Grade = "A+" | "A" | "A-" | "B" | "C" | "D" | "E" | "F" | "T" | "M";

/** An observation by its name; rules say which they need. */
export type ObservationName = keyof Report["observations"];

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

/** What a grade that cannot be said lies between: the letter with every unknown as if it were harmless, and as if it were the worst. */
export interface Bounds {
  readonly best: string;
  readonly worst: string;
}

export interface GradeResult {
  /** A+ … F, T, M, or null when it cannot be said. */
  readonly grade: string | null;
  /** The grade as it would be with a trusted chain. */
  readonly gradeTrustIgnored: string | null;
  /** Of `grade`; null exactly when that can be said. */
  readonly bounds: Bounds | null;
  /** The same of `gradeTrustIgnored`. */
  readonly boundsTrustIgnored: Bounds | null;
  readonly scores: {
    readonly protocol: number;
    readonly keyExchange: number;
    readonly cipher: number;
    readonly total: number;
  } | null;
  readonly caps: readonly Cap[];
  readonly warnings: readonly Cap[];
  /** What was unknown in a decisive place; not empty exactly when `grade` or `gradeTrustIgnored` is null. */
  readonly incomplete: readonly string[];
}

/** What keeps a server from a better level: the best level that a finding still allows, and why. */
export interface Limit {
  readonly level: string;
  readonly finding: string;
  readonly reason: string;
  readonly reference: string;
}

/** What a rulebook says that knows levels instead of letters. The letters' names are listed so that both kinds can be asked for them. */
export interface LevelResult {
  /** The best level that is reached, by its name in the rulebook; null when it cannot be said. */
  readonly level: string | null;
  /** Worst first. */
  readonly limits: readonly Limit[];
  /** Per profile of the rulebook, where it has some: complied with, or null when it cannot be said. */
  readonly profiles: Readonly<Record<string, boolean | null>>;
  /** What was unknown in a decisive place; not empty exactly when `level` is null. */
  readonly incomplete: readonly string[];
  readonly grade?: undefined;
  readonly gradeTrustIgnored?: undefined;
  readonly bounds?: undefined;
  readonly boundsTrustIgnored?: undefined;
  readonly scores?: undefined;
  readonly caps?: undefined;
  readonly warnings?: undefined;
}

export type RulebookResult = GradeResult | LevelResult;

/** What one rulebook makes of observations. */
export interface Judgement {
  readonly result: RulebookResult;
  readonly findings: readonly Finding[];
}

/** A published set of rules. `judge` is pure: the same observations give the same judgement. */
export interface Rulebook {
  /** With its edition: `ssllabs-2009r`. */
  readonly id: string;
  readonly title: string;
  readonly publisher: string;
  /** Of publication, ISO 8601. */
  readonly date: string;
  readonly reference: string;
  readonly judge: (observations: Observations) => Judgement;
}

export interface Report {
  readonly schema: "tlsforge.report/1";
  readonly target: Observations["target"];
  /** The address that a server was on trial for when it was looked at elsewhere, before it served there. */
  readonly trialFor?: string;
  readonly time: string;
  /** The three rulebooks and a post-quantum hybrid at once; null when it cannot be said. */
  readonly aaa: boolean | null;
  /** Letters or levels by the rulebook's id. */
  readonly grades: Readonly<Record<string, RulebookResult>>;
  readonly findings: readonly Finding[];
  readonly observations: Omit<
    Observations,
    "schema" | "time" | "target" | "connections" | "bytesSent" | "bytesReceived" | "seconds"
  >;
  readonly connections: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  readonly seconds: number;
}
