import path from "node:path";
import { holdPrefix, lockPrefix, openPrefix } from "../../store/index.ts";
import type { Context } from "../context.ts";
import { refuseNested } from "./preflight.ts";
import { siteFor } from "./load.ts";
import type { BuildRequest, Grip } from "./types.ts";

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
