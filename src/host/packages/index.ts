import type { Requirement } from "../../recipe/types.ts";
import type { Host } from "../types.ts";
import { apk } from "./apk.ts";
import { apt } from "./apt.ts";
import { brew } from "./brew.ts";
import { dnf } from "./dnf.ts";
import { pacman } from "./pacman.ts";
import { pkg } from "./pkg.ts";
import type { PackageAnswer, PackageTable } from "./types.ts";
import { zypper } from "./zypper.ts";

/** The data of each family. */
export const packageTables: Readonly<Record<Exclude<Host["packageFamily"], "unknown">, PackageTable>> = {
  apt,
  dnf,
  apk,
  zypper,
  pacman,
  pkg,
  brew,
};

/** Every possible answer of a family to a requirement, best first; empty when the family's data has none. */
export function packageAnswers(family: Host["packageFamily"], requirement: Requirement): readonly PackageAnswer[] {
  if (family === "unknown") return [];
  const table = packageTables[family];
  const kind = { program: table.programs, header: table.headers, "perl-module": table.perlModules }[requirement.kind];
  return kind[requirement.name] ?? [];
}
