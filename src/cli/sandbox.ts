/** How far builds are sealed on this machine, and the refusal of `--require-sandbox`. */
import { userInfo } from "node:os";
import path from "node:path";
import { findSeal, requireSeal, sealText, type Seal } from "../build/index.ts";
import type { Receipt } from "../store/index.ts";
import type { Check } from "./checks.ts";
import type { Context } from "./context.ts";

/** The seal that builds of this run get. */
export function sealOf({ code, environment, home }: Context): Promise<Seal> {
  return findSeal({
    script: path.join(code, "build", "seal", "seal.pl"),
    path: environment["PATH"] ?? "",
    homes: [home, ...accountHome()],
  });
}

/** Throws `sandbox-missing` where a seal is required and cannot be had. `perlToCome`: packages are about to be installed, and it may be one of them. */
export async function refuseUnsealed(context: Context, required: boolean, perlToCome: boolean): Promise<void> {
  if (!required) return;
  const seal = await sealOf(context);
  if (!perlToCome || !seal.perlMissing) requireSeal(seal);
}

/** What `doctor` says of it: nothing that stands rests on it. */
export async function sandboxCheck(context: Context): Promise<Check> {
  const seal = await sealOf(context);
  return {
    id: "sandbox",
    outcome: seal.grade === "full" ? "pass" : "info",
    message: `builds would be ${sealText(seal)}`,
    fix: seal.remedy,
  };
}

/** What must not be overlooked about an output that was not kept to itself while it was made; none for one that was. */
export function unsealedWarning({ recipe, version, seal }: Receipt): readonly string[] {
  return seal === undefined || seal.text.startsWith("sealed:") ? [] : [`${recipe} ${version} was built ${seal.text}`];
}

/** The account's home, whatever the environment calls one. */
function accountHome(): readonly string[] {
  try {
    return [userInfo().homedir];
  } catch {
    // An account without an entry has no home to hide.
    return [];
  }
}
