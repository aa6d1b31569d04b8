/** What the suite over the wire has to know: a cap on state (entries) and a grace time (seconds) small enough to be met. */
export const SUITE_SETTINGS = { stateEntries: 20, graceSeconds: 1 }

/** The same for the server that it is run against, as variables. */
export const SUITE_VARIABLES = {
  STATE_ENTRIES: String(SUITE_SETTINGS.stateEntries),
  GRACE_SECONDS: String(SUITE_SETTINGS.graceSeconds),
}
