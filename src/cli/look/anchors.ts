import { readFile, stat } from "node:fs/promises";
import type { ForgeError } from "../../errors.ts";
import { reasonOf } from "../files.ts";
import { largestText } from "../limits.ts";

/** Makes the error of a file of anchors that cannot be used, with the place that names it. */
export type RefuseAnchors = (problem: string, more: { readonly hint: string; readonly cause?: unknown }) => ForgeError;

/** The text of a PEM file with authorities to trust, which `key` names. Throws what `refuse` makes of a file that is none. */
export async function readAnchors(file: string, key: string, refuse: RefuseAnchors): Promise<string> {
  const unreadable = (why: string, cause?: unknown): ForgeError =>
    refuse(`the file of ${key} cannot be read: ${file}${why}`, { hint: "name a PEM file", cause });
  const facts = await stat(file).catch((error: unknown) => {
    throw unreadable(` (${reasonOf(error)})`, error);
  });
  // The end of a pipe might never come.
  if (!facts.isFile()) throw unreadable(" is no regular file");
  if (facts.size > largestText) throw unreadable(` is too large: ${facts.size} bytes, more than ${largestText}`);
  const text = await readFile(file, "utf8").catch((error: unknown) => {
    throw unreadable(` (${reasonOf(error)})`, error);
  });
  if (!text.includes("-----BEGIN CERTIFICATE-----"))
    throw refuse(`there is no PEM certificate in ${file}`, { hint: "name a file with BEGIN CERTIFICATE lines" });
  const { unreadablePem } = await import("../../probe/index.ts");
  const broken = unreadablePem(text);
  if (broken !== null) throw refuse(`certificate ${broken} in ${file} cannot be read`, { hint: "name a PEM file" });
  return text;
}
