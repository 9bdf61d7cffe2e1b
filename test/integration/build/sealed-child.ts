/**
 * Builds shell texts, each as the one step of a recipe, as a user of that number, and tells as JSON how each ended:
 * `sealed-child.ts FOLDER UID JSON`. The folder gets prefix and the seal's program, since that user may not see the checkout, and has a folder
 * `home`, which no seal lets be written to. Without the seal that is wanted nothing is attempted, since root would do it to the machine.
 */
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
// Loaded before the user changes, as the store does it late.
import "execa";
import { findSeal, isWhole, sealText, type Seal } from "../../../src/build/index.ts";
import { ForgeError } from "../../../src/errors.ts";
import type { Receipt } from "../../../src/store/index.ts";
import { logOf, make, prepare, programs, derivationOf } from "./hello.ts";

/** What came of one text. */
export interface Ended {
  readonly error: Pick<ForgeError, "code" | "message" | "hint" | "details"> | null;
  readonly log: string;
  readonly seal: Receipt["seal"] | null;
  /** Who owns what it made. */
  readonly owner: number | null;
}

/** What to do, with which seals. `required`: as with `--require-sandbox`, as it is for what should be whole. `lost`: the seal fails after it was found. */
export interface Wanted {
  readonly grades: readonly Seal["grade"][];
  readonly texts: readonly string[];
  readonly lost?: boolean;
  readonly required?: boolean;
  readonly network?: boolean;
  readonly offline?: boolean;
}

const [folder = "", uid = "", json = ""] = process.argv.slice(2);
const { grades, texts, ...flags } = JSON.parse(json) as Wanted;
const { lost = false, required = false, network = false, offline = false } = flags;
const project = await prepare(folder);
const script = join(folder, "seal.pl");
for (const name of ["seal.pl", "mounts.pl"])
  copyFileSync(join(import.meta.dirname, "..", "..", "..", "src", "build", "seal", name), join(folder, name));
mkdirSync(join(project.prefix, "store", "other"), { recursive: true });
execFileSync("chown", ["-R", `${uid}:${uid}`, folder]);
if (uid !== "0") {
  process.setgroups?.([]);
  process.setgid?.(Number(uid));
  process.setuid?.(Number(uid));
}
const seal = await findSeal({ script, path: "", homes: [join(folder, "home")] });
if (lost) writeFileSync(script, 'print STDERR "tlsforge: the seal could not be made: lost\\n"; exit 125');
const whole = !network && isWhole({ grade: seal.grade, text: sealText(seal), network: [] });
const guard = seal.grade === "none" ? "" : `(: >${folder}/home/unsealed) 2>/dev/null && exit 96; `;
const ended: Ended[] = [];
for (const text of grades.includes(seal.grade) ? texts : []) {
  const argv = ["sh", "-c", `${guard}touch "$0/made"; ${text}`, "${out}"];
  const plain = programs(argv);
  const recipe = network ? { ...plain, steps: [{ kind: "run", argv, network: true } as const] } : plain;
  const log = (): string => logOf(derivationOf(project, { recipe }));
  try {
    const made = await make(project, { recipe, seal, requireSandbox: required || whole, offline });
    const owner = statSync(join(made.derivation.out, "made")).uid;
    ended.push({ error: null, log: log(), seal: made.receipt.seal, owner });
  } catch (error) {
    if (!(error instanceof ForgeError)) throw error;
    const { code, message, hint, details } = error;
    ended.push({ error: { code, message, hint, details }, log: log(), seal: null, owner: null });
  }
}
process.stdout.write(JSON.stringify({ seal, ended }));
