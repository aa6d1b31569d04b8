import * as v from 'valibot'

/** The settings that every runtime reads from its environment, each a text. */

/** A whole number. */
export const whole = (fallback: number, min: number, max: number) =>
  v.pipe(
    v.optional(v.string(), String(fallback)),
    v.regex(/^\d+$/, 'must be a whole number'),
    v.toNumber(),
    v.minValue(min, `must be at least ${min}`),
    v.maxValue(max, `must be at most ${max}`),
  )

const origin = v.check(
  (text: string) => text === '*' || (URL.canParse(text) && new URL(text).origin === text),
  'must be origins such as https://example.org, or *',
)

/** Origins, with commas between. */
export const origins = v.pipe(
  v.optional(v.string(), ''),
  v.transform((text) =>
    text
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== ''),
  ),
  v.array(v.pipe(v.string(), origin)),
)

/** `true` or `false`, the latter where it is not set. */
export const flag = v.pipe(
  v.optional(v.picklist(['true', 'false'], 'must be true or false'), 'false'),
  v.transform((text) => text === 'true'),
)

/** Reads `environment` as `schema` has it. Throws an `Error` whose message names each variable that is wrong, a line each. */
export function readSettings<S extends v.GenericSchema>(schema: S, environment: unknown): v.InferOutput<S> {
  const result = v.safeParse(schema, environment)
  if (result.success) return result.output
  throw new Error(result.issues.map((issue) => `${v.getDotPath(issue)} ${issue.message}`).join('\n'))
}
