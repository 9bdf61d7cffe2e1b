import { connect, type Socket } from "node:net";

/** Why a conversation ended without what was asked for. Internal to this folder: `ask` turns it into an Answer. */
export type Trouble =
  | { readonly kind: "silent"; readonly why: string }
  | { readonly kind: "reset"; readonly why: string }
  | { readonly kind: "garbage"; readonly why: string }
  | { readonly kind: "unconnected"; readonly why: string }
  /** What stands before TLS says no: STARTTLS is not offered, a proxy refuses. */
  | { readonly kind: "blocked"; readonly why: string }
  /** Not tried: a budget is used up; `cause` where that is the time of the whole look. */
  | { readonly kind: "skipped"; readonly why: string; readonly cause?: "time" };

export class ChannelError extends Error {
  override readonly name = "ChannelError";
  readonly trouble: Trouble;

  constructor(trouble: Trouble) {
    super(trouble.why);
    this.trouble = trouble;
  }
}

/** One connection. Everything is over at its deadline, however slowly bytes come. */
export interface Channel {
  send(bytes: Uint8Array): void;
  /** The next bytes as they come; null when the peer has closed. Throws ChannelError. */
  receive(): Promise<Uint8Array | null>;
}

/** How a fresh connection becomes one on which TLS may begin: through a proxy, by STARTTLS, or both. */
export interface Way {
  /** Where to connect in place of the target. */
  readonly via?: { readonly host: string; readonly port: number } | undefined;
  /** Throws ChannelError `unconnected` when it fails, `blocked` when it is refused for good: never anything that could pass for an answer in TLS. */
  readonly enter: (channel: Channel, to: { readonly address: string; readonly port: number }) => Promise<Channel>;
}

/** Sees the bytes of one connection, both ways. */
export interface Tap {
  readonly sent: (bytes: Uint8Array) => void;
  readonly received: (bytes: Uint8Array) => void;
  readonly ended: () => void;
}

/** Where to connect, and what is counted. */
export interface Dial {
  readonly address: string;
  readonly port: number;
  readonly way?: Way | undefined;
  readonly tap?: Tap | undefined;
  /** Told how long it took until TLS could begin, in milliseconds, and whether the other end is this machine. */
  readonly onReady?: ((ms: number, isOwn: boolean) => void) | undefined;
  /** For the whole conversation, from the first packet to the last, in milliseconds. */
  readonly timeoutMs: number;
  readonly tally: Tally;
  readonly signal?: AbortSignal | undefined;
}

/** What the look has cost so far. */
export interface Tally {
  connections: number;
  bytesSent: number;
  bytesReceived: number;
}

/** A peer that sends more than this without ending its flight is not a TLS server that we can use. */
const maxReceived = 2 ** 21;

/** Connects, lets `talk` use the connection, and closes it whatever happens. Throws ChannelError, or what `talk` throws. */
export async function converse<T>(dial: Dial, talk: (channel: Channel) => Promise<T>): Promise<T> {
  dial.tally.connections++;
  const { host, port } = dial.way?.via ?? { host: dial.address, port: dial.port };
  const began = performance.now();
  const socket = connect({ host, port, noDelay: true });
  const channel = openChannel(socket, dial);
  try {
    await channel.connected;
    const inside = dial.way === undefined ? channel : await dial.way.enter(channel, dial);
    dial.onReady?.(performance.now() - began, isOwn(socket));
    return await talk(inside);
  } finally {
    channel.close();
    dial.tap?.ended();
  }
}

function isOwn({ localAddress, remoteAddress }: Socket): boolean {
  return remoteAddress !== undefined && (remoteAddress === localAddress || remoteAddress.startsWith("127."));
}

interface OpenChannel extends Channel {
  readonly connected: Promise<void>;
  readonly close: () => void;
}

function openChannel(socket: Socket, dial: Dial): OpenChannel {
  const { tally } = dial;
  const arrived: Uint8Array[] = [];
  let received = 0;
  let isConnected = false;
  let ended = false;
  let trouble: Trouble | undefined;
  let wake: () => void = () => {};

  const fail = (reason: Trouble): void => {
    trouble ??= reason;
    wake();
  };
  const timer = setTimeout(() => {
    const seconds = `${Math.round(dial.timeoutMs / 100) / 10} s`;
    fail(
      isConnected
        ? { kind: "silent", why: `no complete answer within ${seconds}` }
        : { kind: "unconnected", why: `no connection within ${seconds}` },
    );
  }, dial.timeoutMs);
  const onAbort = (): void => fail({ kind: "skipped", why: "interrupted" });
  if (dial.signal?.aborted === true) onAbort();
  dial.signal?.addEventListener("abort", onAbort, { once: true });

  socket.on("connect", () => {
    isConnected = true;
    wake();
  });
  socket.on("data", (chunk: Buffer) => {
    received += chunk.length;
    tally.bytesReceived += chunk.length;
    dial.tap?.received(chunk);
    if (received > maxReceived) fail({ kind: "garbage", why: `more than ${maxReceived} bytes without an end` });
    else arrived.push(chunk);
    wake();
  });
  socket.on("end", () => {
    ended = true;
    wake();
  });
  socket.on("error", (error: NodeJS.ErrnoException) => {
    const why = error.code ?? error.message;
    const where = dial.way?.via === undefined ? "" : "the proxy cannot be reached: ";
    fail(
      isConnected ? { kind: "reset", why: `connection broken (${why})` } : { kind: "unconnected", why: where + why },
    );
  });

  const until = async (isReady: () => boolean): Promise<void> => {
    while (!isReady() && trouble === undefined) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    if (!isReady() && trouble !== undefined) throw new ChannelError(trouble);
  };

  return {
    connected: until(() => isConnected),
    send(bytes) {
      if (trouble !== undefined || socket.destroyed) return;
      tally.bytesSent += bytes.length;
      dial.tap?.sent(bytes);
      socket.write(bytes);
    },
    async receive() {
      await until(() => arrived.length > 0 || ended);
      return arrived.shift() ?? null;
    },
    close() {
      clearTimeout(timer);
      dial.signal?.removeEventListener("abort", onAbort);
      socket.destroy();
    },
  };
}
