import { z } from "zod";
import { mapping, text, when } from "./fields.ts";
import { step } from "./steps-schema.ts";

const excluded = mapping({ test: text, reason: text, when: when.exactOptional() });

/** The written form of `check`: how a package's own tests are run on request. */
export const ownTests = mapping({
  name: text,
  without: z
    .array(text)
    .default([])
    .describe("Words that are left out of the recipe's own steps, so that tests are built: no-tests"),
  tests: z
    .array(text)
    .default([])
    .describe("What is run when nobody names tests; none: what the steps run by themselves"),
  exclude: z.array(excluded).default([]).describe("Tests that are left out, each with the reason"),
  "exclude-as": z
    .string()
    .regex(/^[^{}]*\{test\}[^{}]*$/, { error: 'a text that holds {test}, such as "-{test}"' })
    .default("{test}")
    .describe("How ${check.excluded} writes one of them"),
  results: z.enum(["tap", "unittest"]).describe("How the end of the log is read"),
  steps: z
    .array(step)
    .min(1)
    .describe(
      "After the recipe's own steps without install: ${check.tests} and ${check.excluded}, in lines with .lines",
    ),
}).transform(({ "exclude-as": excludeAs, ...rest }) => ({ excludeAs, ...rest }));
