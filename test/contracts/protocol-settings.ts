/**
 * What the suite over the wire has to know: a cap on state (entries), a grace time (seconds) and a rate of broadcasts (bytes a
 * second) that are small enough to be met.
 */
export const SUITE_SETTINGS = { stateEntries: 20, graceSeconds: 1, broadcastBytes: 200_000 }

/** The same for the server that it is run against, as variables. */
export const SUITE_VARIABLES = {
  STATE_ENTRIES: String(SUITE_SETTINGS.stateEntries),
  GRACE_SECONDS: String(SUITE_SETTINGS.graceSeconds),
  BROADCAST_BYTES: String(SUITE_SETTINGS.broadcastBytes),
}
