import type { When } from "./types.ts";

/** A check on a finished output. Run in an empty environment. */
export type Gate =
  /** Runs the product; standard output must match the pattern (JavaScript regular expression, variables allowed). */
  | {
      readonly kind: "run";
      readonly name: string;
      readonly argv: readonly string[];
      readonly expect: string;
      readonly when?: When;
    }
  /**
   * Every ELF file under the output: needed libraries resolve inside the store or are on the list of system libraries (`*` for any
   * characters), which are there; run paths absolute.
   */
  | { readonly kind: "linkage"; readonly name: string; readonly system: readonly string[]; readonly when?: When }
  /** These files, relative to the output, exist. */
  | { readonly kind: "exists"; readonly name: string; readonly files: readonly string[]; readonly when?: When }
  /** Every ELF file and static library under the output, and each object in it, was compiled and linked so that it resists attacks. */
  | {
      readonly kind: "hardening";
      readonly name: string;
      readonly except: readonly HardeningException[];
      readonly when?: When;
    }
  /** The name that each of these libraries is known by to the loader, and the versions of all symbols that it exports (`*` for any characters). */
  | {
      readonly kind: "exports";
      readonly name: string;
      readonly libraries: Readonly<Record<string, { readonly soname: string; readonly versions: string }>>;
      readonly when?: When;
    }
  /** No file under the output holds the path of the folder that it was built in. */
  | { readonly kind: "leaks"; readonly name: string; readonly except: readonly FileException[]; readonly when?: When };

/** What the gate `hardening` looks at. */
export type HardeningCheck =
  | "pie"
  | "relro"
  | "bind-now"
  | "stack"
  | "writable-code"
  | "text-relocations"
  | "stack-protector"
  | "fortify"
  | "stack-clash"
  /** Where branches may lead: IBT of CET on x86-64, BTI on AArch64. */
  | "branch-protection"
  /** Where functions return to: shadow stacks of CET on x86-64, PAC on AArch64. */
  | "return-protection"
  /** Made from assembler, in which nothing is guarded that its author did not guard. */
  | "assembler"
  /** There is no record of how it was compiled. */
  | "record";

/** Files that a gate lets be, and why. `*` stands for any characters but `/`, `**` for any, `+([a-z0-9])` for one or more of those. */
export interface FileException {
  readonly files: readonly string[];
  readonly reason: string;
}

/** What the gate `hardening` lets be, and why. With `objects` only for objects from source files of these names. */
export interface HardeningException extends FileException {
  readonly objects?: readonly string[];
  readonly checks: readonly HardeningCheck[];
}
