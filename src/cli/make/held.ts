import path from "node:path";
import type { PlannedBuild } from "../../plan/index.ts";
import { holdPrefix, lockPrefix, openPrefix } from "../../store/index.ts";
import type { Context } from "../context.ts";
import { siteFor, type BuildRequest } from "./pipeline.ts";
import { refuseNested } from "./preflight.ts";

/**
 * A run's grip on its prefix. Builds need no more than the lock of their own store path, so that two runs share them; what only one run at a
 * time may do (host changes, generations, the server) is done in `alone`.
 */
export interface Grip {
  /** The command's name, as runs that wait for this one are told. */
  readonly what: string;
  /** Says what is planned: the outputs that nothing may remove while the run lasts. Before, all are held. */
  readonly needs: (planned: readonly PlannedBuild[]) => Promise<void>;
  /** Runs something while no other run changes the prefix or the machine for it. What was read before may have changed: read it again. */
  readonly alone: <T>(action: () => Promise<T>) => Promise<T>;
}

/**
 * Checks what the user wrote (site file, stack, recipes) before it waits for anybody, then holds the prefix's outputs while the work goes on.
 * The files are read again then: another run may have gone before.
 */
export async function holdingPrefix<T>(
  context: Context,
  request: BuildRequest & { readonly what: string },
  work: (grip: Grip) => Promise<T>,
): Promise<T> {
  const { emit, signal, options } = context;
  const { what } = request;
  const { prefix, wait } = options;
  const waiting = { what, wait, emit, signal };
  await siteFor(context, request.stack);
  refuseNested(context);
  const hold = await holdPrefix(prefix, waiting, () => openPrefix(prefix, { create: true }));
  try {
    return await work({
      what,
      needs: (planned) => hold.narrow(planned.map(({ derivation }) => path.basename(derivation.out))),
      alone: async (action) => {
        const release = await lockPrefix(prefix, waiting);
        try {
          return await action();
        } finally {
          await release();
        }
      },
    });
  } finally {
    await hold.release();
  }
}
