/** Looks for the source of the digest in a cache while this process can open no file more; prints the code of the error. A program, so that only it lacks them. */
import { closeSync, openSync } from "node:fs";
import { availability } from "../../../src/fetch/index.ts";

const [cache = "", sha256 = ""] = process.argv.slice(2);
const held: number[] = [];
try {
  for (;;) held.push(openSync("/dev/null", "r"));
} catch {
  // All are used up.
}
const found = availability(
  { name: "x", file: "x", sha256, form: "release", unpack: "none", locations: [] },
  {
    caches: [cache],
    bases: { debian: [], pypi: null },
    offline: true,
    emit: () => undefined,
    signal: new AbortController().signal,
  },
);
const said = await found.then(
  ({ state }) => state,
  (error: NodeJS.ErrnoException) => error.code,
);
for (const each of held) closeSync(each);
process.stdout.write(String(said));
