/**
 * Two families: what a recipe file says (`Recipe`, `Stack`: templates and conditions unresolved) and what a build sees
 * (`ResolvedRecipe`: concrete for one version, one source and one platform). Builders never see templates' conditions.
 */
import type { Span } from "../errors.ts";
import type { Gate } from "./gates.ts";
import type { SignatureSpec, Signer } from "./signature-types.ts";
import type { AdvisoryNames, OwnTests } from "./package-types.ts";

/** The platform that a recipe is resolved for. */
export interface Platform {
  readonly os: "linux" | "freebsd" | "darwin";
  readonly arch: "x86_64" | "aarch64";
  /** `gnu` or `musl` on Linux, `none` elsewhere. */
  readonly libc: "gnu" | "musl" | "none";
}

/** One place a source may come from. `{version}` and `{file}` are already replaced. */
export type Location =
  | { readonly kind: "url"; readonly url: string }
  /** A content-addressed mirror: `<url>/<sha256>`. */
  | { readonly kind: "mirror"; readonly url: string }
  /** A path inside the package pool of the machine's own Debian-family package configuration. */
  | { readonly kind: "debian"; readonly path: string }
  /** A file of a project on the Python package index that the machine's pip is configured for. */
  | { readonly kind: "pypi"; readonly project: string; readonly file: string }
  /** A crate of the registry that the machine's cargo is configured for in the place of the public one. */
  | { readonly kind: "crate"; readonly name: string; readonly version: string }
  | { readonly kind: "file"; readonly path: string };

/** One file to obtain. */
export interface Source {
  /** Unique in its recipe: the recipe's own name for the main source, the project's name for a locked package. */
  readonly name: string;
  /** File name that the source is known by, without folders. */
  readonly file: string;
  /** Lower-case hex. `null` only for a user's own `--source`: then the result is marked unverified. */
  readonly sha256: string | null;
  readonly locations: readonly Location[];
  /** Not given: the recipe knows of no signature. */
  readonly signature?: SignatureSpec;
  /** Which form of upstream's code this is: `release` (with generated files) or `export` (of the repository). */
  readonly form: "release" | "export";
  /** How the build gets it: unpacked as the source folder, unpacked in a folder of that name, or as the file itself in `dist/`. */
  readonly unpack: "main" | { readonly folder: string } | "none";
}

/** When something applies: all given conditions must hold. Versions are semver ranges. */
export interface When {
  readonly version?: string;
  readonly os?: readonly Platform["os"][];
  readonly arch?: readonly Platform["arch"][];
  readonly libc?: readonly Platform["libc"][];
  readonly form?: Source["form"];
  /** Version range of an input, by its recipe's name. */
  readonly input?: Readonly<Record<string, string>>;
}

interface StepCommon {
  readonly when?: When;
  /** Added to the build's environment for this step. Values may hold `${...}`. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Working folder, relative to the source folder unless it begins with `${`. Default: the source folder. */
  readonly directory?: string;
}

interface ProgramStep extends StepCommon {
  /** Its programs may use the network; all others are sealed off from it. */
  readonly network?: true;
}

/**
 * One action of a build, as data. Strings may hold variables: `${out}` `${build}` (scratch folder) `${source}` (unpacked main source)
 * `${recipe}` (the recipe's folder) `${dist}` (folder of fetched files that are not unpacked) `${version}` `${jobs}` `${prefix}`
 * `${inputs.NAME}` (store path of an input) `${platform.NAME}` (from the recipe's platform table) `${tool.NAME}` (path of a required program)
 * `${hardening.compile}` `${hardening.link}` (the hardening flags that this machine's compiler takes, with spaces between).
 * An unknown one is an error of the recipe.
 */
export type Step =
  | (StepCommon & { readonly kind: "patch"; readonly file: string; readonly strip: number })
  /** Runs a configure program; its log is searched when it fails. */
  | (ProgramStep & { readonly kind: "configure"; readonly argv: readonly string[] })
  | (ProgramStep & {
      readonly kind: "make";
      readonly targets: readonly string[];
      readonly variables: Readonly<Record<string, string>>;
      readonly parallel: boolean;
    })
  /** `make` of install targets, always one job. */
  | (ProgramStep & {
      readonly kind: "install";
      readonly targets: readonly string[];
      readonly variables: Readonly<Record<string, string>>;
    })
  | (ProgramStep & { readonly kind: "run"; readonly argv: readonly string[] })
  /** A virtual environment in `path`, and locked packages of a role installed into it from `${dist}`; pip never resolves. */
  | (StepCommon & {
      readonly kind: "python-env";
      readonly path: string;
      readonly python: string;
      readonly role: "build" | "runtime";
      readonly only?: readonly string[];
    })
  | (StepCommon & { readonly kind: "files"; readonly files: readonly FileSpec[] })
  /** From here on the compilers leave in each object how they compiled it, which the gate `hardening` reads. */
  | (StepCommon & { readonly kind: "record"; readonly record: "objects" });

/** A file or folder put in place: from the recipe's folder or given text. `mode` in octal digits. */
export interface FileSpec {
  readonly to: string;
  readonly from?: string;
  readonly content?: string;
  readonly mode?: string;
}

/** Something a build needs from the host, checked by trying it. */
export type Requirement =
  | {
      readonly kind: "program";
      readonly name: string;
      readonly version?: string;
      readonly when?: When;
      readonly wanted?: boolean;
      readonly why?: string;
    }
  | {
      readonly kind: "header";
      readonly name: string;
      readonly library?: string;
      readonly when?: When;
      readonly wanted?: boolean;
      readonly why?: string;
    }
  | {
      readonly kind: "perl-module";
      readonly name: string;
      readonly when?: When;
      readonly wanted?: boolean;
      readonly why?: string;
    };

/** A known hole of a version that this project's servers expose. */
export interface Flaw {
  /** Its number, such as CVE-2014-0160. */
  readonly id: string;
  /** What it is known as, or does, in a few words. */
  readonly name: string;
}

/** One version of a package. */
export interface RecipeVersion {
  readonly version: string;
  /** A version with known holes is for stacks whose purpose is reproduction, and for no other. */
  readonly vulnerable: readonly Flaw[];
  readonly support: { readonly status: "lts" | "supported" | "security" | "ended"; readonly until?: string };
  /** Alternative files for the same version, preferred first (a release, else an export of the repository). */
  readonly sources: readonly {
    readonly sha256: string;
    readonly form: Source["form"];
    readonly file: string;
    readonly locations: readonly Location[];
    readonly signature?: SignatureSpec;
  }[];
  /** Where this version stands in the file, for messages. */
  readonly span: Span;
}

/** A locked package of a Python environment, from the recipe's lock file. */
export interface LockedPackage {
  readonly project: string;
  readonly version: string;
  readonly role: "build" | "runtime";
  /** Left out for other versions, platforms and inputs than these. */
  readonly when?: When;
  /** Who must have attested it on the package index, by the identity of the certificate (PEP 740). */
  readonly publisher?: { readonly identity: string; readonly issuer: string };
  /** Candidates; the first whose `when` holds is taken. */
  readonly files: readonly { readonly file: string; readonly sha256: string; readonly when?: When }[];
}

/** A crate that a build compiles, from the recipe's lock file: cargo gets it from a folder, and has no registry. */
export interface LockedCrate {
  readonly crate: string;
  readonly version: string;
  readonly sha256: string;
}

/** A recipe as written and checked. */
export interface Recipe {
  readonly name: string;
  readonly summary: string;
  readonly homepage: string;
  readonly license: string;
  /** Absolute path of the recipe's folder. */
  readonly folder: string;
  /** Oldest acceptable version per branch (semver range -> version) with the reason; versions below are never built. */
  readonly securityFloor: readonly { readonly branch: string; readonly version: string; readonly reason: string }[];
  readonly versions: readonly RecipeVersion[];
  readonly signers: Readonly<Record<string, Signer>>;
  readonly advisories: AdvisoryNames;
  readonly inputs: readonly string[];
  /** Values by platform: each entry's `when` decides, first match wins per name. */
  readonly platforms: readonly { readonly when: When; readonly values: Readonly<Record<string, string>> }[];
  readonly requirements: readonly Requirement[];
  readonly environment: Readonly<Record<string, string>>;
  readonly lock: readonly LockedPackage[];
  readonly crates: readonly LockedCrate[];
  /** Locked packages that are unpacked (to be patched) instead of installed as they are: project -> folder. */
  readonly unpack: Readonly<Record<string, string>>;
  readonly steps: readonly Step[];
  readonly gates: readonly Gate[];
  readonly check?: OwnTests;
  /** Expected CPU seconds of a build, for estimates before there is a record. */
  readonly weight: number;
  /** Most bytes on disk that a build needs: in the folder that it works in, and of its output. Measured, rounded up. */
  readonly disk?: { readonly scratch: number; readonly output: number };
  /** Where things stand in the file, for messages. */
  readonly spans?: {
    readonly inputs: Readonly<Record<string, Span>>;
    /** The files and folders of the recipe's folder that steps read. */
    readonly files: Readonly<Record<string, Span>>;
  };
}

/** A recipe made concrete: one version, one source form, one platform. Conditions are gone; variables other than those are still in the text. */
export interface ResolvedRecipe {
  readonly name: string;
  readonly version: string;
  readonly folder: string;
  readonly support: { readonly status: string; readonly until?: string };
  readonly vulnerable: readonly Flaw[];
  readonly inputs: readonly string[];
  readonly sources: readonly Source[];
  readonly packages: readonly (Pick<LockedPackage, "project" | "version" | "role"> & {
    readonly file: string;
    readonly sha256: string;
  })[];
  readonly platformValues: Readonly<Record<string, string>>;
  readonly requirements: readonly Requirement[];
  readonly environment: Readonly<Record<string, string>>;
  readonly steps: readonly Step[];
  readonly gates: readonly Gate[];
  readonly check?: OwnTests;
  readonly weight: number;
  readonly disk?: { readonly scratch: number; readonly output: number };
  /** Set when a newer version in range could not be had. */
  readonly fallback?: { readonly wanted: string; readonly reasons: readonly string[] };
}

/** A stack as written and checked. */
export interface Stack {
  readonly name: string;
  readonly summary: string;
  /** `reproduction`: an old system as it was, holes and all; it is not for service, and listens on loopback unless its user insists. */
  readonly purpose: "service" | "reproduction";
  /** Recipe name -> semver range, in no particular order. */
  readonly recipes: Readonly<Record<string, string>>;
  /** Recipe name -> line, for recipes that are taken from `<line>.yaml` of their folder instead of `recipe.yaml`: an old one, built another way. */
  readonly lines: Readonly<Record<string, string>>;
  /** The recipe that is launched. */
  readonly server: string;
  /** The recipe whose OpenSSL makes certificates, and whose Python runs the server. */
  readonly openssl: string;
  readonly python: string;
  /** Where things stand in the file, for messages. */
  readonly spans?: {
    readonly recipes: Readonly<Record<string, Span>>;
    readonly lines: Readonly<Record<string, Span>>;
    readonly server: Span;
    readonly openssl: Span;
    readonly python: Span;
  };
}

/** What a site serves. Folders are absolute where the site file's is. */
export type SiteApp =
  | { readonly kind: "about" }
  | { readonly kind: "static"; readonly directory: string }
  /** `http://HOST:PORT` or `unix:/PATH`. */
  | { readonly kind: "proxy"; readonly upstream: string }
  | { readonly kind: "websocket-echo" }
  /** `path` is the folder that the module lies in; null: the stack has it. */
  | { readonly kind: "factory"; readonly module: string; readonly attribute: string; readonly path: string | null };

/** Sorts of key that a certificate of the local authority may have. */
export type LeafKey = "ecdsa" | "rsa";

/** Bounds that a site may set. */
export type LimitName =
  | `${"handshake" | "head" | "body" | "request" | "idle" | "stall" | "drain"}Seconds`
  | "connections"
  | "connectionsPerAddress"
  | `${"header" | "body" | "worker"}Bytes`;

/** The site file (design, section 8) with defaults filled in. */
export interface Site {
  readonly stack: string;
  readonly server: {
    readonly names: readonly string[];
    readonly listen: readonly string[];
    readonly redirect: readonly string[];
    readonly certificate:
      | { readonly kind: "local-ca"; readonly keys: readonly LeafKey[] }
      | { readonly kind: "directory"; readonly directory: string };
    readonly profile: "modern" | "intermediate" | "compatible" | "ssllabs-100";
    /** What becomes of a client that asks for a name that no certificate has. */
    readonly sni: "default" | "strict";
    /**
     * Finite-field Diffie-Hellman: with a group of RFC 7919, with parameters made here, of so many bits, or with those of a PEM file. Null: as the
     * stack has it by itself.
     */
    readonly dhe:
      | { readonly kind: "off" }
      | { readonly kind: "group"; readonly group: "ffdhe2048" | "ffdhe3072" }
      | { readonly kind: "generate"; readonly bits: number }
      | { readonly kind: "file"; readonly file: string }
      | null;
    /** Session tickets that resume, and how often their key is made anew; null: none is sent. */
    readonly tickets: { readonly rotateHours: number } | null;
    readonly ocsp: "auto" | "off";
    /** The one curve of a server that has one only, by OpenSSL's name; null: as the stack has it by itself. */
    readonly curve: string | null;
    readonly hsts: { readonly maxAge: number; readonly includeSubdomains: boolean; readonly preload: boolean };
    readonly app: SiteApp;
    readonly accessLog: boolean;
    /** Processes that serve; 0: one for each processor. */
    readonly workers: number;
    /** Seconds, bytes and counts; what is left out is as the server has it by itself. */
    readonly limits: { readonly [name in LimitName]?: number };
  };
  readonly host: {
    readonly packages: "ask" | "install" | "never";
    readonly lowPort: "auto" | "socket" | "ambient" | "sysctl" | "file-capability" | "portacl" | "none";
    readonly loaderPath: "auto" | boolean;
    readonly service: "auto" | "systemd" | "rc.d" | "openrc" | "none";
  };
  readonly verify: {
    /** Null: as the stack has it by itself. */
    readonly minGrade: string | null;
    /** A PEM file of an authority that is trusted besides the system's when the site is graded. */
    readonly ca: string | null;
  };
}
