import { setTimeout as sleep } from "node:timers/promises";
import { ForgeError } from "../../errors.ts";
import { status, stop } from "../../server/index.ts";
import type { Context } from "../context.ts";
import { serverFields, type Result } from "../result.ts";
import { reload, startInForeground } from "./server.ts";

const lookMs = 500;

/**
 * Starts the server of the current generation and stays with it, as the first process of a container does: its log goes to standard error, an
 * interruption (SIGTERM, SIGINT) ends it with exit code 0 when its requests are answered, a hang-up reloads it. Exit code 1 when it ends by itself.
 * A generation that takes over meanwhile is followed.
 */
export async function foreground(context: Context): Promise<Result> {
  const { prefix } = context.options;
  const started = await startInForeground(context);
  let reloads = Promise.resolve();
  context.onHangUp(() => {
    reloads = reloads.then(async () => {
      try {
        await reload(context);
      } catch (error) {
        if (!(error instanceof ForgeError)) throw error;
        context.emit({
          type: "warning",
          message: `not reloaded: ${error.message}`,
          ...(error.hint === undefined ? {} : { hint: error.hint }),
        });
      }
    });
  });
  while (!context.signal.aborted) {
    await sleep(lookMs, undefined, { signal: context.signal }).catch(() => undefined);
    const state = await status(prefix);
    if (state.state === "not-serving" && !context.signal.aborted)
      throw new ForgeError("server-failed", "the server ended by itself", {
        hint: "its last lines stand above; tlsforge doctor looks at what it rests on",
      });
  }
  await reloads;
  await stop(prefix);
  return {
    outcome: "done",
    exitCode: 0,
    fields: { prefix, server: serverFields(started) },
    text: "Stopped.\n",
  };
}
