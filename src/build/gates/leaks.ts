import { realpathSync } from "node:fs";
import path from "node:path";
import type { FileException } from "../../recipe/index.ts";
import { takingTurns } from "../../store/index.ts";
import { bindExceptions } from "./exceptions.ts";
import { filesOf, piecesOf } from "../files.ts";
import { shortened } from "./findings.ts";
import type { GateResult } from "../types.ts";
import { counted } from "../../words.ts";

/** Where an output must not tell that it was built. */
export interface LeakRules {
  readonly out: string;
  /** Absolute path of the folder that the build worked in. */
  readonly scratch: string;
  readonly except: readonly FileException[];
  readonly signal: AbortSignal;
}

const pieceSize = 1024 * 1024;

/**
 * Every file of an output, byte by byte: none holds the path of the folder that it was built in, which is gone by then and says where and by
 * whom it was built. Compressed contents are not looked into. Reads a file by pieces, so its size does not matter. Throws ForgeError `interrupted`.
 */
export async function checkLeaks({ out, scratch, except, signal }: LeakRules): Promise<GateResult> {
  const exceptions = bindExceptions(except);
  const search = { needles: formsOf(scratch), buffer: Buffer.allocUnsafe(pieceSize), pause: takingTurns(signal) };
  const findings: string[] = [];
  let count = 0;
  for (const file of filesOf(out)) {
    count += 1;
    const name = path.relative(out, file);
    const place = await find(file, search);
    if (place !== null && !exceptions.excuse(name)) findings.push(`${name}: holds ${scratch}${place}`);
  }
  if (findings.length === 0)
    return { outcome: "pass", detail: [counted(count, "file"), ...exceptions.told()].join("; ") };
  return {
    outcome: "fail",
    detail: `${findings.length} of ${count} files hold the path of the build's folder`,
    findings: shortened(findings),
    hint: 'compile after a step "record: objects", which has the compiler call it /build; rewrite the file in a step; or list it in the gate\'s "except" with the reason',
  };
}

/** A path as it is, by way of links, and as addresses and JSON write it. */
function formsOf(folder: string): Buffer[] {
  const paths = [folder, realpathSync(folder)];
  const written = paths.flatMap((each) => [each, encodeURI(each), JSON.stringify(each).slice(1, -1)]);
  return [...new Set(written)].map((each) => Buffer.from(each));
}

interface Search {
  readonly needles: readonly Buffer[];
  readonly buffer: Buffer;
  readonly pause: ReturnType<typeof takingTurns>;
}

/** What stands behind the first of the needles in a file, as far as it can be printed; null when there is none. */
async function find(file: string, { needles, buffer, pause }: Search): Promise<string | null> {
  const longest = Math.max(...needles.map((needle) => needle.length));
  // Pieces overlap by what a needle at their border would need, and by some of what follows it.
  for (const piece of piecesOf(file, buffer, longest + 80)) {
    for (const needle of needles) {
      const at = piece.indexOf(needle);
      if (at < 0) continue;
      const rest = piece.toString("latin1", at + needle.length, at + needle.length + 80);
      return /^[\x21-\x7e]*/.exec(rest)?.[0].replace(/["'<>,;].*$/, "") ?? "";
    }
    await pause(piece.length);
  }
  return null;
}
