import { z } from "zod";
import { argv, family, mapping, recipePath, text, textList, variables, when } from "./fields.ts";

const common = { when: when.exactOptional(), environment: variables.exactOptional(), directory: text.exactOptional() };

/** Of steps that run programs: they are sealed off from the network unless the recipe declares that they need it. */
const program = {
  ...common,
  network: z
    .literal(true, { error: "true, or left out" })
    .exactOptional()
    .describe("It needs the network, which builds do not have"),
};

const patch = mapping({ patch: recipePath, strip: z.int().min(0).max(9).default(1), ...common }).transform(
  ({ patch: file, ...rest }) => ({ kind: "patch" as const, file, ...rest }),
);

const configure = mapping({ configure: argv, ...program }).transform(({ configure: command, ...rest }) => ({
  kind: "configure" as const,
  argv: command,
  ...rest,
}));

const make = mapping({
  make: mapping({
    targets: textList.default([]),
    variables: variables.default({}),
    parallel: z.boolean().default(true),
  }),
  ...program,
}).transform(({ make: options, ...rest }) => ({ kind: "make" as const, ...options, ...rest }));

const install = mapping({
  install: mapping({ targets: textList.default(["install"]), variables: variables.default({}) }),
  ...program,
}).transform(({ install: options, ...rest }) => ({ kind: "install" as const, ...options, ...rest }));

const run = mapping({
  run: z.union([argv, mapping({ argv, directory: text.exactOptional(), environment: variables.exactOptional() })], {
    error: "a list (the program and its arguments), or a mapping with argv",
  }),
  ...program,
}).transform(({ run: command, ...rest }) => ({
  kind: "run" as const,
  ...rest,
  ...(Array.isArray(command) ? { argv: command } : command),
}));

const pythonEnv = mapping({
  "python-env": mapping({
    path: text,
    python: text,
    role: z.enum(["build", "runtime"]),
    only: z.array(text).min(1).exactOptional(),
  }),
  ...common,
}).transform(({ "python-env": options, ...rest }) => ({ kind: "python-env" as const, ...options, ...rest }));

const fileSpec = mapping({
  to: text,
  from: recipePath.exactOptional(),
  content: z.string().exactOptional(),
  mode: z
    .string()
    .regex(/^0?[0-7]{3}$/, { error: 'octal digits in quotes, such as "0644"' })
    .exactOptional(),
}).refine((file) => (file.from === undefined) !== (file.content === undefined), { error: "either from or content" });

const files = mapping({ files: z.array(fileSpec).min(1), ...common }).transform((step) => ({
  kind: "files" as const,
  ...step,
}));

const record = mapping({ record: z.literal("objects"), ...common }).transform((step) => ({
  kind: "record" as const,
  ...step,
}));

/** One step, told apart by the key that names its kind. */
export const step = family(
  "step",
  ["patch", "configure", "make", "install", "run", "python-env", "files", "record"],
  [patch, configure, make, install, run, pythonEnv, files, record],
);

const gateCommon = { name: text.exactOptional(), when: when.exactOptional() };

const runGate = mapping({ run: argv, expect: z.string(), ...gateCommon }).transform(({ run: command, ...rest }) => ({
  kind: "run" as const,
  name: command.join(" "),
  argv: command,
  ...rest,
}));

const linkageGate = mapping({ linkage: mapping({ system: textList }), ...gateCommon }).transform(
  ({ linkage, ...rest }) => ({ kind: "linkage" as const, name: "linkage", ...linkage, ...rest }),
);

const existsGate = mapping({ exists: z.array(text).min(1), ...gateCommon }).transform(({ exists, ...rest }) => ({
  kind: "exists" as const,
  name: "files",
  files: exists,
  ...rest,
}));

const reason = text.describe("Why it has to be let be");

const hardeningGate = mapping({
  hardening: mapping({
    except: z
      .array(
        mapping({
          files: z.array(text).min(1).default(["**"]),
          objects: z.array(text).min(1).exactOptional(),
          checks: z
            .array(
              z.enum([
                "pie",
                "relro",
                "bind-now",
                "stack",
                "writable-code",
                "text-relocations",
                "stack-protector",
                "fortify",
                "stack-clash",
                "branch-protection",
                "return-protection",
                "assembler",
                "record",
              ]),
            )
            .min(1),
          reason,
        }),
      )
      .default([]),
  }),
  ...gateCommon,
}).transform(({ hardening, ...rest }) => ({ kind: "hardening" as const, name: "hardening", ...hardening, ...rest }));

const exportsGate = mapping({
  exports: z.record(text, mapping({ soname: text, versions: text })).describe("Library to the names that it must have"),
  ...gateCommon,
}).transform(({ exports: libraries, ...rest }) => ({ kind: "exports" as const, name: "exports", libraries, ...rest }));

const leaksGate = mapping({
  leaks: mapping({ except: z.array(mapping({ files: z.array(text).min(1), reason })).default([]) }),
  ...gateCommon,
}).transform(({ leaks, ...rest }) => ({ kind: "leaks" as const, name: "leaks", ...leaks, ...rest }));

/** One gate, told apart by the key that names its kind. */
export const gate = family(
  "gate",
  ["run", "linkage", "exists", "hardening", "exports", "leaks"],
  [runGate, linkageGate, existsGate, hardeningGate, exportsGate, leaksGate],
);
