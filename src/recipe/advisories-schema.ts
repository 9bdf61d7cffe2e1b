import { z } from "zod";
import { mapping, text } from "./fields.ts";

const tag = z
  .string()
  .regex(/^[^{}]*\{version_?\}[^{}]*$/, { error: "a tag that holds {version} or {version_} once, such as v{version}" });

/** By which names files of advisories speak of a recipe's package. */
export const advisories = mapping({
  scheme: z
    .enum(["dotted", "openssl", "pep440"])
    .default("dotted")
    .describe("How versions are ordered: openssl knows 1.0.2zb, pep440 is Python's"),
  osv: z
    .array(mapping({ ecosystem: text, name: text }))
    .default([])
    .describe("OSV's packages; only of ecosystems whose versions are upstream's, not a distribution's"),
  repositories: z.array(text).default([]).describe("Addresses of the source repository"),
  tags: z.array(tag).default([]).describe("Its tags: {version}, or {version_} with underscores for dots"),
  cve: z
    .array(mapping({ vendor: text, product: text }))
    .default([])
    .describe("Vendor and product of CVE records"),
})
  .prefault({})
  .describe("By which names advisories speak of it");
