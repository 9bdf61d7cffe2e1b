/** What is announced of HTTP beside TLS over TCP. */
import type { Outcome } from "../types.ts";

export interface Http3Seen {
  /** Of QUIC, as the server names them on UDP, without reserved ones; null where the port is closed. */
  readonly versions: readonly string[] | null;
  /** What Alt-Svc says of HTTP/3; null where it says nothing. */
  readonly advertised: Outcome<string | null>;
}
