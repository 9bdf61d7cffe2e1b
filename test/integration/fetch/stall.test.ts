/** Servers that begin to answer and never end, wherever something else than a source is read. */
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { availability, fetchAll, listFolder, takeUnknown, type FetchOptions } from "../../../src/fetch/index.ts";
import type { Source } from "../../../src/recipe/types.ts";
import { options, payload, scratch, serve, sendBytes, source } from "./support.ts";

const { bytes, sha256 } = payload(1000);

/** Says everything of `/x.tar.gz`, and of all else the beginning, then nothing more or a byte now and then. */
async function stalling(): Promise<string> {
  const { base } = await serve((request, response) => {
    if (request.url === "/x.tar.gz") return sendBytes(request, response, bytes);
    response.writeHead(200, { "content-type": "text/html" });
    response.write("<html>");
    if (request.url?.includes("trickle") !== true) return undefined;
    const timer = setInterval(() => response.write(" "), 50);
    return response.on("close", () => clearInterval(timer));
  });
  return base;
}

const signature: Source["signature"] = {
  required: false,
  locations: [],
  signers: [{ kind: "openpgp", name: "n", keys: "/nonexistent", fingerprints: [], spans: {} as never }],
};

/** What a question is answered with, as text. */
const asked: readonly (readonly [string, (base: string, opts: FetchOptions) => Promise<string>])[] = [
  [
    "a signature",
    async (base, opts) => {
      const locations = [{ kind: "url", url: `${base}/silent.asc` }] as const;
      const signed: Source = { ...source(sha256, `${base}/x.tar.gz`), signature: { ...signature, locations } };
      return JSON.stringify((await fetchAll([signed], opts))[0]?.signature);
    },
  ],
  [
    "a page of the Python index",
    (base, opts) =>
      refusal([{ kind: "pypi", project: "p", file: "p-1.tar.gz" }], {
        ...opts,
        bases: { debian: [], pypi: `${base}/` },
      }),
  ],
  [
    "a page that trickles",
    (base, opts) =>
      refusal([{ kind: "pypi", project: "p", file: "p-1.tar.gz" }], {
        ...opts,
        bases: { debian: [], pypi: `${base}/trickle/` },
      }),
  ],
  [
    "the index of crates",
    (base, opts) =>
      refusal([{ kind: "crate", name: "c", version: "1.0.0" }], {
        ...opts,
        bases: { debian: [], pypi: null, crates: `sparse+${base}/` },
      }),
  ],
  ["a listing", async (base, opts) => JSON.stringify(await listFolder(new URL(`${base}/pool/`), opts))],
  [
    "a source that no recipe knows",
    async (base, opts) =>
      JSON.stringify(await takeUnknown({ url: new URL(`${base}/new`), to: join(await scratch(), "new") }, opts)),
  ],
];

async function refusal(locations: Source["locations"], opts: FetchOptions): Promise<string> {
  const error = await fetchAll([{ ...source(sha256), locations }], opts).catch((thrown: unknown) => thrown);
  return JSON.stringify((error as { readonly details?: unknown }).details);
}

describe("a server that stalls", { timeout: 10_000 }, () => {
  it.each(asked)("ends %s as untestable", async (_what, ask) => {
    const answer = await ask(await stalling(), await options({ limits: { attempts: 1 } }));
    expect(answer).toContain("sent next to nothing for 0.5 s");
  });

  it("takes no more of `availability` than a check may", async () => {
    const base = await stalling();
    const bases = { debian: [], pypi: `${base}/`, crates: `sparse+${base}/` };
    const opts = await options({ bases, limits: { stallSeconds: 60, checkSeconds: 0.5 } });
    const locations: Source["locations"] = [
      { kind: "pypi", project: "p", file: "p-1.tar.gz" },
      { kind: "crate", name: "c", version: "1.0.0" },
    ];
    const answer = await availability({ ...source(sha256), locations }, opts);
    expect(answer).toMatchObject({ state: "unavailable" });
    expect("reasons" in answer && answer.reasons).toEqual([
      expect.stringContaining("no answer in time"),
      expect.stringContaining("no answer in time"),
    ]);
  });
});
