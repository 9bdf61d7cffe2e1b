import { access, constants, stat } from "node:fs/promises";
import path from "node:path";
import { ForgeError } from "../../errors.ts";

/** A file that cannot be written is told before the work, which takes a while. `option` names it: `--html`. */
export async function refuseUnwritable(file: string, option: string): Promise<void> {
  const folder = path.dirname(file);
  const refuse = (reason: string, cause?: unknown): never => {
    throw new ForgeError("usage", `the file of ${option} cannot be written: ${file} (${reason})`, {
      cause,
      hint: "name a file in a folder that is there and that you may write to",
    });
  };
  await access(folder, constants.W_OK | constants.X_OK).catch((error: unknown) =>
    refuse((error as NodeJS.ErrnoException).code ?? "unknown", error),
  );
  if (!(await stat(folder)).isDirectory()) refuse(`${folder} is no folder`);
  const found = await stat(file).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  });
  if (found === null) return;
  if (!found.isFile()) refuse("it is there and is no file");
  // One without write permission is replaced all the same; not so one that is marked as immutable (chattr(1)).
  await access(file, constants.W_OK).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === "EPERM") refuse("it is marked as immutable", error);
  });
}

/** Writes a file as a whole; what keeps it from being written is given back, so that the result itself is not lost. */
export async function writeOutput(file: string, make: () => Promise<string>): Promise<ForgeError | null> {
  const { atomicWrite } = await import("../../store/index.ts");
  try {
    await atomicWrite(file, await make());
    return null;
  } catch (error) {
    if (!(error instanceof Error && "code" in error)) throw error;
    return new ForgeError(
      error instanceof ForgeError ? error.code : "usage",
      `${file} cannot be written: ${error.message}`,
      {
        cause: error,
        hint: "name a file in a folder that you may write to, with space left",
      },
    );
  }
}
