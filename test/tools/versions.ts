import { observed } from "../../src/probe/outcome.ts";
import { suiteSeen } from "../../src/probe/suites/suite-seen.ts";
import { suiteProtocols, type VersionsSeen } from "../../src/probe/suites/versions.ts";
import type { SuiteProtocol } from "../../src/probe/types.ts";

/** A target that is known to offer these versions, each with one suite (without CBC, unless told), and no other. */
export function versionsOffered(offered: readonly SuiteProtocol[], suite = 0xc02f): VersionsSeen {
  const suites = observed({
    suites: [suiteSeen(suite, undefined)],
    preference: "single",
    chachaException: null,
  } as const);
  return Object.fromEntries(
    suiteProtocols.map((name) => {
      const isOffered = offered.includes(name);
      return [name, { support: observed({ offered: isOffered }), suites: isOffered ? suites : undefined }];
    }),
  ) as VersionsSeen;
}
