import { ascii, concat, latin1 } from "../../wire/index.ts";
import { ChannelError, type Channel } from "../client/channel.ts";
import { printable } from "../http/http.ts";

/** Reads what a server says in the clear before TLS begins. Throws ChannelError `unconnected` when it closes or says too much. */
export interface PlainReader {
  /** The next line without its end. */
  line(): Promise<string>;
  /** Exactly so many bytes. */
  bytes(count: number): Promise<Uint8Array>;
  /** Text up to and with the first match. */
  until(pattern: RegExp): Promise<string>;
  say(text: string): void;
  send(bytes: Uint8Array): void;
  /** What has come and was not read. */
  rest(): Uint8Array;
}

/** A dialogue that is longer than this is none that leads to TLS. */
const longest = 2 ** 16;

export function createPlainReader(channel: Channel): PlainReader {
  let held: Uint8Array = new Uint8Array(0);
  let total = 0;
  const more = async (): Promise<void> => {
    const chunk = await channel.receive();
    if (chunk === null) throw lost("the server closed the connection");
    total += chunk.length;
    if (total > longest) throw lost(`more than ${longest} bytes in the clear`);
    held = concat(held, chunk);
  };
  const take = (count: number): Uint8Array => {
    const taken = held.subarray(0, count);
    held = held.subarray(count);
    return taken;
  };
  const reader: PlainReader = {
    async bytes(count) {
      while (held.length < count) await more();
      return take(count);
    },
    async until(pattern) {
      for (;;) {
        const match = pattern.exec(latin1(held));
        if (match !== null) return latin1(take(match.index + match[0].length));
        await more();
      }
    },
    async line() {
      return (await reader.until(/\n/)).replace(/\r?\n$/, "");
    },
    say: (text) => channel.send(ascii(text)),
    send: (bytes) => channel.send(bytes),
    rest: () => held,
  };
  return reader;
}

/** A channel that gives these bytes first. */
export function withFirst(channel: Channel, first: Uint8Array): Channel {
  let held: Uint8Array | null = first.length === 0 ? null : first;
  return {
    send: (bytes) => channel.send(bytes),
    async receive() {
      const bytes = held;
      held = null;
      return bytes ?? channel.receive();
    },
  };
}

/** The way broke off; another try may go through. */
export function lost(why: string): ChannelError {
  return new ChannelError({ kind: "unconnected", why });
}

/** The way is refused for good. */
export function blocked(why: string): ChannelError {
  return new ChannelError({ kind: "blocked", why });
}

/** What a server said, fit to be shown: printable, and not long. */
export function quoted(text: string): string {
  const shown = printable(text.trim());
  // Escaped already: as JSON its escapes would be escaped again.
  return `"${shown.length > 120 ? `${shown.slice(0, 120)} …` : shown}"`;
}
