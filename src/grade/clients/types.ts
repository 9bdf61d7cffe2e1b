import type { SuiteProtocol } from "../../probe/index.ts";

/** What a client offers, as it was recorded. GREASE and signalling values are left out. */
export interface ClientProfile {
  /** Stable, without spaces: `chrome-150-macos`. */
  readonly id: string;
  readonly name: string;
  /** When it was recorded, ISO 8601. */
  readonly date: string;
  readonly source: string;
  readonly protocols: readonly SuiteProtocol[];
  /** IANA numbers in the client's order. */
  readonly suites: readonly number[];
  /** Names of groups as probes give them, in the client's order. */
  readonly groups: readonly string[];
  /** IANA names in the client's order. */
  readonly signatureSchemes: readonly string[];
  /** Empty where the client does not ask. */
  readonly alpn: readonly string[];
}
