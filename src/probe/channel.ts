import { connect, type Socket } from "node:net";

/** Why a conversation ended without what was asked for. Internal to this folder: `ask` turns it into an Answer. */
export type Trouble =
  | { readonly kind: "silent"; readonly why: string }
  | { readonly kind: "reset"; readonly why: string }
  | { readonly kind: "garbage"; readonly why: string }
  | { readonly kind: "unconnected"; readonly why: string }
  /** Not tried: a budget is used up. */
  | { readonly kind: "skipped"; readonly why: string };

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

/** Where to connect, and what is counted. */
export interface Dial {
  readonly address: string;
  readonly port: number;
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
  const socket = connect({ host: dial.address, port: dial.port, noDelay: true });
  const channel = openChannel(socket, dial);
  try {
    await channel.connected;
    return await talk(channel);
  } finally {
    channel.close();
  }
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
    const seconds = `${dial.timeoutMs / 1000} s`;
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
    fail(isConnected ? { kind: "reset", why: `connection broken (${why})` } : { kind: "unconnected", why });
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
