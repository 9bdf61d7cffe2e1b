import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { explained, hasCode, readOwn } from "./disk.ts";
import { prefixPaths } from "./paths.ts";
import { parseReceipt } from "./receipt-text.ts";
import type { Receipt } from "./types.ts";

/** Path of an output's receipt. */
export function receiptPath(out: string): string {
  return join(out, "receipt.json");
}

/**
 * The receipt of an output, or null when there is none that is whole and undamaged and speaks of this very path: then there is no output.
 * Throws `prefix-unusable` when it cannot be read.
 */
export async function readReceipt(out: string): Promise<Receipt | null> {
  let text: string | null;
  try {
    text = await readOwn(receiptPath(out));
  } catch (error) {
    if (hasCode(error, "ENOTDIR")) return null;
    throw explained(error, receiptPath(out));
  }
  const receipt = text === null ? null : parseReceipt(text);
  return receipt?.out === out ? receipt : null;
}

/** All receipts of a prefix, by their outputs' names. */
export async function listReceipts(prefix: string): Promise<Receipt[]> {
  const { store } = prefixPaths(prefix);
  const receipts = await Promise.all((await storeEntries(store)).map((name) => readReceipt(join(store, name))));
  return receipts.filter((receipt) => receipt !== null);
}

/** Names in the store, hidden ones (temporary) left out, sorted. A prefix without a store has none. */
export async function storeEntries(store: string): Promise<string[]> {
  try {
    return (await readdir(store)).filter((name) => !name.startsWith(".")).toSorted();
  } catch (error) {
    if (hasCode(error, "ENOENT")) return [];
    throw explained(error, store);
  }
}
