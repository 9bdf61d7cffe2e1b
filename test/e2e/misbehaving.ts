/** An HTTP server on loopback that gives files, or misbehaves in a way that a test asks for. */
import { createReadStream, statSync } from "node:fs";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** What happens to a path that begins with `/KIND/`: the file, or something worse. */
export type Kind = "good" | "missing" | "wrong" | "short" | "silent" | "endless";

export interface Misbehaving {
  /** Address of a file under a kind of behaviour. */
  readonly at: (kind: Kind, file: string) => string;
  /** `METHOD /path` of everything that was asked. */
  readonly asked: string[];
  readonly close: () => Promise<void>;
}

export async function misbehaving(folder: string): Promise<Misbehaving> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    const [, kind, file = ""] = (request.url ?? "").split("/");
    answer(kind as Kind, { path: `${folder}/${file}`, head: request.method === "HEAD" }, response);
  });
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  const { port } = server.address() as AddressInfo;
  return {
    at: (kind, file) => `http://127.0.0.1:${port}/${kind}/${file}`,
    asked,
    close: () =>
      new Promise((closed) => {
        server.close(() => closed());
        server.closeAllConnections();
      }),
  };
}

function answer(kind: Kind, file: { readonly path: string; readonly head: boolean }, response: ServerResponse): void {
  switch (kind) {
    case "missing":
      response.writeHead(404).end("not here");
      return;
    case "silent":
      return;
    case "good": {
      const { size } = statSync(file.path);
      response.writeHead(200, { "content-length": size });
      if (file.head) response.end();
      else createReadStream(file.path).pipe(response);
      return;
    }
    case "wrong": {
      response.writeHead(200, { "content-length": 9 }).end(file.head ? undefined : "not it at");
      return;
    }
    case "short": {
      const { size } = statSync(file.path);
      response.writeHead(200, { "content-length": size });
      if (file.head) response.end();
      else
        createReadStream(file.path, { end: Math.floor(size / 2) })
          .once("end", () => response.destroy())
          .pipe(response, { end: false });
      return;
    }
    case "endless": {
      response.writeHead(200);
      if (file.head) response.end();
      else pour(response);
      return;
    }
  }
}

function pour(response: ServerResponse): void {
  const chunk = Buffer.alloc(1 << 20, "x");
  const more = (): void => {
    while (!response.destroyed && response.write(chunk));
  };
  response.on("drain", more);
  more();
}
