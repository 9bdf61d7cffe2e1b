import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    projects: [
      { test: { name: "unit", include: ["test/unit/**/*.test.ts"], testTimeout: 5_000 } },
      // Looks at servers of their own on loopback: most of their time they wait, so three go on at once on the smallest machine too.
      {
        test: {
          name: "probe",
          include: ["test/integration/probe/**/*.test.ts"],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          maxWorkers: 3,
          sequence: { groupOrder: 1 },
        },
      },
      // Real programs and sockets on loopback.
      {
        test: {
          name: "integration",
          include: ["test/integration/!(probe)/**/*.test.ts"],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      // The exact stack of 2013 cannot be had everywhere.
      ...(process.env["TLSFORGE_TEST_CLASSIC"] === undefined
        ? []
        : [
            {
              test: {
                name: "classic",
                include: ["test/classic/**/*.test.ts"],
                testTimeout: 600_000,
                fileParallelism: false,
              },
            },
          ]),
      // The built command line as a user runs it: one file after the other, as they share ports and the machine.
      {
        test: {
          name: "e2e",
          include: ["test/e2e/**/*.test.ts"],
          testTimeout: 1_800_000,
          hookTimeout: 1_800_000,
          fileParallelism: false,
          maxWorkers: 1,
        },
      },
    ],
  },
});
