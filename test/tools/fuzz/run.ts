import { drawFrom, mutate } from "./mutate.ts";
import { seeds } from "./seeds.ts";
import { readAs } from "./targets.ts";

export interface FuzzOptions {
  /** Ends after this time. */
  readonly seconds: number;
  /** Ends after this many inputs. */
  readonly runs: number;
  readonly seed: number;
}

export interface Fuzzed {
  readonly runs: number;
  /** Inputs that something could be read from. */
  readonly read: number;
  readonly refused: number;
  /** The longest time for one input. */
  readonly slowestMs: number;
  /** Growth of the heap and of memory outside of it, at its largest. */
  readonly growthBytes: number;
  readonly seconds: number;
}

/** One input may take this long: far more than any needs, far less than a hang. */
const hangMs = 2_000;
const batch = 1_000;

/** Feeds mutated flights to everything that reads a server's bytes. Throws with the input, in hexadecimal, at the first fault. */
export async function fuzz(options: FuzzOptions): Promise<Fuzzed> {
  const draw = drawFrom(options.seed);
  const began = performance.now();
  const before = memory();
  let [runs, read, slowestMs, growthBytes] = [0, 0, 0, 0];
  while (runs < options.runs && performance.now() - began < options.seconds * 1000) {
    for (const end = Math.min(options.runs, runs + batch); runs < end; runs++) {
      const seed = seeds[draw(seeds.length)]!;
      const bytes = mutate(seed.bytes, seeds[draw(seeds.length)]!.bytes, draw);
      const start = performance.now();
      try {
        if (await readAs(seed.kind, bytes, { protocol: seed.protocol, draw })) read++;
      } catch (error) {
        throw new Error(`${seed.name} as ${seed.kind}: ${Buffer.from(bytes).toString("hex")}`, { cause: error });
      }
      const took = performance.now() - start;
      if (took > hangMs) throw new Error(`${took} ms for ${seed.name}: ${Buffer.from(bytes).toString("hex")}`);
      if (took > slowestMs) slowestMs = took;
    }
    growthBytes = Math.max(growthBytes, memory() - before);
  }
  return { runs, read, refused: runs - read, slowestMs, growthBytes, seconds: (performance.now() - began) / 1000 };
}

function memory(): number {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
