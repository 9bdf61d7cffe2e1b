import type { Tap } from "../client/channel.ts";
import type { Observations } from "../types.ts";

/** The bytes of one connection as they came and went: milliseconds since the look began, which way, base64. */
export interface RecordedConnection {
  /** Milliseconds since the look began. */
  readonly began: number;
  readonly ended: number;
  readonly events: readonly (readonly [ms: number, way: "sent" | "received", base64: string])[];
  /** Bytes of this connection that were not kept, because the recording had reached its bound. */
  readonly leftOut: number;
}

/** Keeps what goes over the wire during a look, up to a bound. */
export interface Recorder {
  readonly tap: () => Tap;
  readonly connections: () => readonly RecordedConnection[];
}

/** Bytes of all connections together that a recording keeps. */
const mostKept = 2 ** 25;

export function createRecorder(of: { readonly keep?: number; readonly now?: () => number } = {}): Recorder {
  const { keep = mostKept, now = () => performance.now() } = of;
  const start = now();
  const at = (): number => Math.round((now() - start) * 10) / 10;
  const connections: (() => RecordedConnection)[] = [];
  let kept = 0;
  return {
    tap() {
      const began = at();
      const events: RecordedConnection["events"][number][] = [];
      let [ended, leftOut] = [began, 0];
      const note = (way: "sent" | "received", bytes: Uint8Array): void => {
        const part = bytes.subarray(0, Math.max(0, keep - kept));
        kept += part.length;
        leftOut += bytes.length - part.length;
        if (part.length > 0) events.push([at(), way, Buffer.from(part).toString("base64")]);
      };
      connections.push(() => ({ began, ended, events, leftOut }));
      return {
        sent: (bytes) => note("sent", bytes),
        received: (bytes) => note("received", bytes),
        ended: () => (ended = at()),
      };
    },
    connections: () => connections.map((connection) => connection()),
  };
}

/** A recording as it is kept in a file. */
export interface Recording {
  readonly observations: Observations;
  readonly connections: readonly RecordedConnection[];
}
