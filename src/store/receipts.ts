import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { explained, hasCode } from "./disk.ts";
import { prefixPaths } from "./paths.ts";
import type { Receipt } from "./types.ts";

/** Path of an output's receipt. */
export function receiptPath(out: string): string {
  return join(out, "receipt.json");
}

/**
 * The receipt of an output, or null when there is none that is whole and speaks of this very path: then there is no output.
 * Throws `prefix-unusable` when it cannot be read.
 */
export async function readReceipt(out: string): Promise<Receipt | null> {
  let text: string;
  try {
    text = await readFile(receiptPath(out), "utf8");
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR")) return null;
    throw explained(error, receiptPath(out));
  }
  const receipt = parseReceipt(text);
  return receipt?.out === out ? receipt : null;
}

/** A receipt from its text; null for what is cut short or is none. */
export function parseReceipt(text: string): Receipt | null {
  let value: Partial<Record<keyof Receipt, unknown>> | null;
  try {
    value = JSON.parse(text) as typeof value;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
  if (typeof value !== "object" || value?.schema !== "tlsforge.receipt/1") return null;
  const texts = [value.recipe, value.version, value.key, value.out, value.finished];
  const lists = [value.inputs, value.sources, value.steps, value.gates];
  const whole = texts.every((item) => typeof item === "string") && lists.every((item) => Array.isArray(item));
  return whole ? (value as Receipt) : null;
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
