/** The folder that something is built in. */
import { mkdir } from "node:fs/promises";
import type { Emit } from "../../events.ts";
import { removeScratch } from "../../store/index.ts";

/** A scratch folder of a prefix, both absolute. */
export interface Scratch {
  readonly scratch: string;
  readonly prefix: string;
  readonly emit: Emit;
  /** Whether what failed is to stay in it for a look. */
  readonly kept?: () => Promise<boolean>;
}

/** Gives work an empty folder, and removes it afterwards. That it cannot be removed is told as a warning where the work's own error matters more, and is thrown else. */
export async function inScratch<T>(place: Scratch, work: () => Promise<T>): Promise<T> {
  const { scratch, prefix, emit } = place;
  await removeScratch(scratch, prefix);
  await mkdir(scratch, { recursive: true });
  let result: T;
  try {
    result = await work();
  } catch (error) {
    await orWarn(emit, `The folder ${scratch} could not be removed`, () => clear(place));
    throw error;
  }
  await clear(place);
  return result;
}

/** For what matters less than what it comes after: a failure is a warning. */
export async function orWarn(emit: Emit, what: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    emit({ type: "warning", message: `${what}: ${error instanceof Error ? error.message : String(error)}` });
  }
}

async function clear({ scratch, prefix, kept }: Scratch): Promise<void> {
  if ((await kept?.()) !== true) await removeScratch(scratch, prefix);
}
