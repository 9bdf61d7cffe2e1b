/** Whether a record of `--json` is as the shipped schema says. */
import { Ajv2020 } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import schema from "../../schema/result.schema.json" with { type: "json" };

const ajv = new Ajv2020({ strict: false, allErrors: true });
formats.default(ajv);
const validate = ajv.compile(schema);

/** What the schema has against a record. */
export function problemsOf(record: unknown): readonly string[] {
  return validate(record) ? [] : (validate.errors ?? []).map((error) => `${error.instancePath} ${error.message ?? ""}`);
}
