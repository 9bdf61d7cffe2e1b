import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { mockTls } from "./mock.ts";

/** A TLS 1.2 server that stands behind every service here. */
export const tls = mockTls({ versions: [0x0303], suites: [0xc02f] });

/** What a service says, and what it waits for: texts or bytes to send, patterns to wait for. */
export type Script = readonly (string | Uint8Array | RegExp)[];

/** A service that follows a script with each client, then speaks TLS. `after` is sent together with the last words. */
export function scripted(
  script: Script,
  after: Uint8Array = new Uint8Array(0),
): (socket: Socket, count: number) => void {
  return (socket, count) => {
    let [at, heard] = [0, ""];
    const go = (): void => {
      for (let step = script[at]; step !== undefined; step = script[at]) {
        if (step instanceof RegExp) {
          const match = step.exec(heard);
          if (match === null) return;
          heard = heard.slice(match.index + match[0].length);
          at++;
          continue;
        }
        at++;
        const bytes = typeof step === "string" ? Buffer.from(step, "latin1") : step;
        socket.write(at === script.length ? Buffer.concat([bytes, after]) : bytes);
      }
      socket.off("data", listen);
      tls(socket, count);
      if (heard !== "") socket.emit("data", Buffer.from(heard, "latin1"));
    };
    const listen = (chunk: Buffer): void => {
      heard += chunk.toString("latin1");
      go();
    };
    socket.on("data", listen);
    go();
  };
}

export interface Proxied {
  readonly port: number;
  /** What clients asked the proxy for. */
  readonly asked: string[];
}

type Talk = (socket: Socket, asked: string[]) => void;

/** Runs `use` beside a proxy of this kind. */
export async function withProxy<T>(talk: Talk, use: (proxy: Proxied) => Promise<T>): Promise<T> {
  const asked: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.once("close", () => sockets.delete(socket));
    talk(socket, asked);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    return await use({ port: (server.address() as AddressInfo).port, asked });
  } finally {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, "close");
  }
}

/** A proxy that takes CONNECT and joins to a port of this machine, whatever host is asked for. */
export function httpProxy(of: { readonly port: number; readonly login?: string }): Talk {
  return (socket, asked) => {
    let head = "";
    const listen = (chunk: Buffer): void => {
      head += chunk.toString("latin1");
      if (!head.includes("\r\n\r\n")) return;
      socket.off("data", listen);
      asked.push(head);
      const login = /^Proxy-Authorization: Basic (.*)$/m.exec(head)?.[1]?.trim();
      if (of.login !== undefined && login !== Buffer.from(of.login).toString("base64")) {
        socket.end("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n");
        return;
      }
      join(socket, of.port, () => socket.write("HTTP/1.1 200 Connection established\r\nVia: test\r\n\r\n"));
    };
    socket.on("data", listen);
  };
}

/** A SOCKS 5 proxy likewise. `reply` other than 0 refuses. */
export function socksProxy(of: { readonly port: number; readonly login?: string; readonly reply?: number }): Talk {
  return (socket, asked) => {
    let held = Buffer.alloc(0);
    let stage: "methods" | "login" | "request" = "methods";
    const listen = (chunk: Buffer): void => {
      held = Buffer.concat([held, chunk]);
      if (stage === "methods" && held.length >= 2 + (held[1] ?? 0)) {
        const offered = [...held.subarray(2, 2 + (held[1] ?? 0))];
        held = held.subarray(2 + (held[1] ?? 0));
        const wanted = of.login === undefined ? 0 : 2;
        if (!offered.includes(wanted)) return void socket.end(Uint8Array.of(5, 255));
        socket.write(Uint8Array.of(5, wanted));
        stage = wanted === 2 ? "login" : "request";
      }
      const userLength = held[1] ?? 0;
      const passwordLength = held[2 + userLength] ?? 0;
      if (stage === "login" && held.length >= 3 + userLength + passwordLength) {
        const login = `${held.subarray(2, 2 + userLength).toString()}:${held.subarray(3 + userLength, 3 + userLength + passwordLength).toString()}`;
        held = held.subarray(3 + userLength + passwordLength);
        if (login !== of.login) return void socket.end(Uint8Array.of(1, 1));
        socket.write(Uint8Array.of(1, 0));
        stage = "request";
      }
      if (stage === "request" && held.length >= 5) {
        const kind = held[3] ?? 0;
        const length = kind === 1 ? 4 : kind === 4 ? 16 : 1 + (held[4] ?? 0);
        if (held.length < 4 + length + 2) return;
        socket.off("data", listen);
        const host = held.subarray(4, 4 + length);
        asked.push(kind === 3 ? host.subarray(1).toString() : host.toString("hex"));
        const answer = Uint8Array.of(5, of.reply ?? 0, 0, 1, 127, 0, 0, 1, 0, 0);
        if ((of.reply ?? 0) !== 0) return void socket.end(answer);
        join(socket, of.port, () => socket.write(answer));
      }
    };
    socket.on("data", listen);
  };
}

function join(socket: Socket, port: number, ready: () => void): void {
  const inner = connect(port, "127.0.0.1", () => {
    ready();
    socket.pipe(inner);
    inner.pipe(socket);
  });
  inner.on("error", () => socket.destroy());
  socket.on("close", () => inner.destroy());
}
