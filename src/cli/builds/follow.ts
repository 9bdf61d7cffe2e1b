import { stat, type FileHandle } from "node:fs/promises";
import { StringDecoder } from "node:string_decoder";
import { setTimeout as sleep } from "node:timers/promises";
import { logEnd, openLogFile } from "../../store/index.ts";

/** How to follow a log. */
export interface FollowOptions {
  readonly write: (text: string) => Promise<void>;
  readonly signal: AbortSignal;
  /** Whether something may still write to the log. */
  readonly running: () => Promise<boolean>;
}

const pauseMs = 150;

/**
 * Gives what a log holds and whatever comes to it, by its name: when another try takes the name, that is followed from its beginning. Ends
 * after the line that ends a log, or when nobody who could write it is left (a run that was killed), or on the signal. What is no file holds nothing.
 */
export async function followLog(file: string, { write, signal, running }: FollowOptions): Promise<void> {
  let handle = await openLogFile(file);
  if (handle === null) return;
  let reader = readerOf(handle, write);
  try {
    for (;;) {
      const alive = await running();
      const more = await reader.read();
      const renewed = await renewedBy(file, handle);
      if (renewed !== null) {
        await reader.read();
        await handle.close();
        handle = renewed;
        reader = readerOf(handle, write);
        continue;
      }
      if (reader.ended() || (!alive && !more) || signal.aborted) return;
      await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
    }
  } finally {
    await handle.close();
  }
}

/** The file that has the name now, where it is another. */
async function renewedBy(file: string, handle: FileHandle): Promise<FileHandle | null> {
  const [named, own] = await Promise.all([stat(file).catch(() => null), handle.stat()]);
  if (named === null || (named.ino === own.ino && named.dev === own.dev)) return null;
  return openLogFile(file).catch(() => null);
}

function readerOf(
  handle: FileHandle,
  write: (text: string) => Promise<void>,
): { readonly read: () => Promise<boolean>; readonly ended: () => boolean } {
  const decoder = new StringDecoder("utf8");
  const buffer = Buffer.alloc(64 * 1024);
  let at = 0;
  let last = "";
  return {
    async read() {
      const begun = at;
      for (;;) {
        const { bytesRead } = await handle.read(buffer, 0, buffer.length, at);
        if (bytesRead === 0) return at > begun;
        at += bytesRead;
        const text = decoder.write(buffer.subarray(0, bytesRead));
        last = (last + text).slice(-2 - logEnd.length);
        await write(text);
      }
    },
    ended: () => last === `\n${logEnd}\n`,
  };
}
